"""What every chat stage gained, by the Valley's judge: several seeds on the same held-out prompts.

``minillama results --seeds 3 --write figures/results.json`` measures it; README's table is made from that file.
"""

from minillama.results.goals import GOALS, Goal, verdicts
from minillama.results.measuring import HeldOut, ResultSettings, measure_stage
from minillama.results.run import CHAT_STAGES, measure_results, read_results, write_results
from minillama.results.summary import summarise
from minillama.results.table import results_table, stage_rows

__all__ = [
    "CHAT_STAGES",
    "GOALS",
    "Goal",
    "HeldOut",
    "ResultSettings",
    "measure_results",
    "measure_stage",
    "read_results",
    "results_table",
    "stage_rows",
    "summarise",
    "verdicts",
    "write_results",
]
