"""Whether the machine had time for what was measured. Its figures say little if it had not."""

from collections.abc import Sequence
from typing import Any, Final

LATE: Final = 2000.0  # us by which one frame in a hundred of the load may be late
WAITED: Final = 0.1  # of the time may a server wait for a core
OTHERS: Final = 0.3  # cores may be used by others
STOLEN: Final = 0.05  # of the cores may be used by other virtual machines


def too_busy(results: Sequence[Any]) -> bool:
    """Tell whether there is a run that was disturbed."""
    return any(map(_disturbed, results))


def warnings(results: Sequence[Any], stolen: float) -> list[str]:
    """Say what disturbed which share of the runs, a sentence each; `stolen` is of all cores."""
    found = []
    disturbed = [one for one in results if _disturbed(one)]
    if disturbed:
        late, waited, others = (
            max(getattr(one, key, None) or 0.0 for one in disturbed)
            for key in ("late_p99", "waited", "others")
        )
        found.append(
            f"{len(disturbed)} of {len(results)} runs were disturbed by other work here: "
            f"the load was up to {late / 1000:.1f} ms late (p99), servers waited for a core up to "
            f"{100 * waited:.0f} % of the time, others used up to {others:.1f} cores."
        )
    if stolen > STOLEN:
        found.append(f"Other virtual machines took {100 * stolen:.0f} % of the cores.")
    return found


def _disturbed(one: Any) -> bool:
    bounds = {"late_p99": LATE, "waited": WAITED, "others": OTHERS}
    return any((getattr(one, key, None) or 0.0) > most for key, most in bounds.items())
