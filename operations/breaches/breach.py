"""The rules that the ledger is held to, and one breach of such a rule."""

from dataclasses import dataclass

CHECKS = {
    "receipt": "Each receipt's entries and bytes are those stored, as long as retention keeps them.",
    "usage": "What a month was charged is what sits in the spool, in the log store's receipts and in dead letters.",
    "allowance": "What a public key's day was charged is what is kept of the batches it sent on that day.",
    "duplicate": "No entry is stored twice, or as received at another time than its batch.",
    "orphan": "Each stored entry belongs to a batch with a receipt of the same organisation.",
    "rollup": "What the rollups say of a minute of receipt, and of a day by minutes of events, its receipts say.",
    "errors": "Errors counted in groups are those of the receipts, and entries stored with a group; none is left out.",
    "loan": "What a month says is lent to edges its loans come to, and no edge has forwarded more than it was lent.",
    "edge_batch": "Each batch of an edge that is known to be kept is in the spool, stored, or a dead letter.",
    "two_places": "No batch is both in the spool and in the log store.",
    "incident": "People were told of each incident when it began, and when it was over, once, or not, just as it says.",
    "gone": "Of an organisation of which everything was erased, nothing is stored that was received before.",
    "recording": "No organisation's recordings of errors take more than they may.",
}


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One breach of a rule of `CHECKS`."""

    check: str
    organisation_id: int
    subject: str
    expected: str
    found: str
