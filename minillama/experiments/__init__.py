"""The paper's claims as programs, and the ledger of what came out of them.

Every module here that defines ``CLAIM`` is found by itself; see :mod:`minillama.experiments.claim` for what it holds.
"""

from minillama.experiments.claim import Claim, Row, Verdict
from minillama.experiments.ledger import Entry, ledger_entries, read_entry
from minillama.experiments.registry import claim, claims
from minillama.experiments.run import quick_rows, reproduce

__all__ = [
    "Claim",
    "Entry",
    "Row",
    "Verdict",
    "claim",
    "claims",
    "ledger_entries",
    "quick_rows",
    "read_entry",
    "reproduce",
]
