"""What nbval cannot be told on its command line."""

LAST_OUTPUT = 120  # seconds to wait for a cell's last messages, once it has run


def pytest_itemcollected(item):
    """Wait longer than nbval's five seconds, which now and then were too few after a minute of training."""
    if hasattr(item, "output_timeout"):
        item.output_timeout = LAST_OUTPUT
