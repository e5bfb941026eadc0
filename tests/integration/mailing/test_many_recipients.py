"""Many letters through a server that fails at random, in six ways: each arrives once, or is named as unknown."""

import random
from collections import Counter

import pytest

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.notices import NoticeKind
from support.mailservers import DROP, RuledServer
from support.outboxes import make_outbox, open_outbox

#: Command, answer, and how often it comes: a fifth of the letters meet one of them.
FAILURES = [
    ("MAIL", DROP, 0.03),
    ("RCPT", "451 later", 0.05),
    ("RCPT", "421 closing" + RuledServer.THEN_DROP, 0.03),
    ("DATA", DROP, 0.03),
    ("PAYLOAD", "451 later", 0.03),
    ("PAYLOAD", DROP, 0.03),
]


class FailingServer(RuledServer):
    """Counts the failures of each kind."""

    def __init__(self, seed):
        self.failures = Counter()
        self._lot = random.Random(seed)
        super().__init__(self._answer_by_lot)

    def _answer_by_lot(self, asked, _name):
        lot = self._lot.random()
        for key, answer, share in FAILURES:
            if key == asked:
                if lot < share:
                    self.failures[key, answer] += 1
                    return answer
                lot -= share
        return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipients", "seed", "connections"),
    [
        (60, 3, 1),
        (60, 3, 4),
        pytest.param(1000, 7, 1, marks=pytest.mark.nightly),
        pytest.param(1000, 7, 4, marks=pytest.mark.nightly),
    ],
)
def test_each_letter_arrives_once_or_is_named_as_unknown(tmp_path, recipients, seed, connections):
    make_outbox(tmp_path / "made", [f"Guest{number}" for number in range(1, recipients)])
    with open_outbox(tmp_path / "made", tmp_path / "copy") as outbox:
        with FailingServer(seed) as server:
            outbox.send(server, connections=connections)
            while outbox.go_to_the_next_try():
                outbox.send(server, connections=connections)

        letters = outbox.letters()
        kept = [(address, mark) for address, mark in server.kept if not mark.startswith("<test.")]
        arrived = Counter(address for address, _ in kept)
        by_state = {state: {one.address for one in letters if one.state is state} for state in DeliveryState}
        sent, unknown = by_state[DeliveryState.SENT], by_state[DeliveryState.UNKNOWN]
        print(recipients, "recipients:", len(sent), "sent,", len(unknown), "unknown;", dict(server.failures))

        assert len(letters) == recipients == len(sent) + len(unknown)
        assert set(arrived.values()) == {1}
        assert sent <= set(arrived), "what is called sent has arrived"
        assert {one.address for one in letters} - set(arrived) <= unknown
        assert len({mark for _, mark in kept}) == len(kept)
        assert len(unknown) <= server.failures["PAYLOAD", DROP]
        assert outbox.findings().get(NoticeKind.UNKNOWN_LETTERS, 0) == len(unknown)
        if recipients == 1000:
            assert len(server.failures) == len(FAILURES)
            assert sum(server.failures.values()) > recipients / 10
