"""The sandbox: right results for small programs, and no program that hurts or hangs."""

import time

import pytest

from minillama.valley.tasks.sandbox import ProgramError, run


@pytest.mark.parametrize(
    "source",
    [
        "for i in range(3):\n    print(i)",
        "print(1, 2, sep='-', end='!')",
        "def f(x):\n    return x * 2\nprint(f(4))",
        "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nprint(f(5))",
        "x = []\nfor i in range(3):\n    if i == 1:\n        continue\n    x.append(i)\nprint(x, len(x), sum(x))",
        "n = 5\nwhile True:\n    n -= 1\n    if n < 2:\n        break\nprint(n)",
        "a, b = 1, 2\nprint(a < b <= 2, not a, -b, a or b, b and a, 7 // 2, 7 % 4, 2 ** 5)",
        "print([i * i for i in range(5) if i % 2], 'ab'.upper(), ', '.join(['x', 'y']))",
        "x = [3, 1, 2]\nprint(sorted(x), x[0], x[-1], x[:2], x[::-1], 3 in x, max(x), min(x))",
        "print(*[1, 2, 3])\nprint(sum(i for i in range(4)))\nprint('a' * 3, 3 > 2)",
        "def g():\n    print('hi')\ng()",
    ],
)
def test_agrees_with_python(source, capsys):
    exec(source, {})
    assert run(source) == capsys.readouterr().out


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    pass",
        "def f():\n    f()\nf()",
        "import os",
        "open('/etc/passwd')",
        "().__class__",
        "print((1).__class__)",
        "x = 'a'.__class__",
        "exec('1')",
        "eval('1')",
        "__import__('os')",
        "print(10 ** 10 ** 10)",
        "x = 9\nfor i in range(90):\n    x = x * x",
        "x = 'a'\nfor i in range(90):\n    x = x + x",
        "x = [1]\nfor i in range(90):\n    x = x + x",
        "x = [1]\nfor i in range(90):\n    x = [x, x]\nprint(x)",
        "x = []\nx.append(x)\nprint(x)",
        "print('a' * 10 ** 9)",
        "for i in range(10 ** 12):\n    pass",
        "print(len(range(10 ** 18)))",
        "print('x' * 400)\n" * 9,
        "for i in range(400):\n    for j in range(400):\n        pass",
        "[i for i in range(400) for j in range(400)]",
        "x = lambda: 1",
        "class A:\n    pass",
        "try:\n    pass\nfinally:\n    pass",
        "'%999999999d' % 1",
        "print(1 / 0)",
        "print(1 // 0)",
        "break",
        "return 1",
        "def f():\n    break\nfor i in range(3):\n    f()",
        "f'{1}'",
        "x = 1.5",
        "print(y)",
        "def f(x):\n    return x\nprint(f)",
        "[1][5]",
        "x = 1\x00",
        "(" * 900 + ")" * 900,
        "-" * 1900 + "1",
        "x" * 3000,
        "not python at all",
    ],
)
def test_refuses_in_bounded_time(source):
    start = time.perf_counter()
    with pytest.raises(ProgramError):
        run(source)
    assert time.perf_counter() - start < 3.0
