"""What the index says instead of an answer. away.py sorts a driver's errors into it."""


class IndexAway(Exception):  # noqa: N818 - a finding: nothing is lost, ask again later
    """The database is locked, full, unreachable, or starting: keep what you have, and try again.

    It is not known whether the last change was made; every function here may be called again
    with the same values.
    """


class IndexRefusal(Exception):  # noqa: N818 - the classes below are named by what is wrong
    """The index understands, and will not: asking again does not help."""


class UnknownTenant(IndexRefusal):
    """There is no such tenant."""


class TenantMade(IndexRefusal):
    """Somebody else has made the tenant meanwhile, with a salt of its own: hash numbers anew."""


class UnknownMailbox(IndexRefusal):
    """The tenant has no such mailbox, or it is erased."""


class UnknownMessage(IndexRefusal):
    """The tenant has no such message, or it is erased."""


class AddressTaken(IndexRefusal):
    """Another mailbox of the tenant has the number or name."""


class CatchAllNeeded(IndexRefusal):
    """A tenant's catch-all mailbox cannot go while it is the catch-all."""


class WrongState(IndexRefusal):
    """The message is in a state in which this cannot be done with it."""


class OnHold(IndexRefusal):
    """A legal hold keeps it: nothing of it may be deleted, erased or redacted."""


class TooLate(IndexRefusal):
    """The grace period for taking a deletion back is over."""


class StaleFence(IndexRefusal):
    """Somebody else has taken over this part since; what this worker did must not count."""


class DifferentPart(IndexRefusal):
    """The part is recorded already, with other bytes. The first one stays."""


class KeyChanged(IndexRefusal):
    """The row of a key is no longer the one that was read: read it again."""
