"""Who works on what: refused where one process does all the work, and for queues that there are not."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["worker"], "cluster = true"),
        (["daemon", "--port", "0", "--queues", "open"], "cluster = true"),
        (["daemon", "--port", "0", "--queues", "open,post"], "no queue `post`, only open, mail and film"),
        (["worker", "--queues", "films"], "no queue `films`, only open, mail and film"),
        (["worker", "--concurrency", "0"], "--concurrency"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_work_is_divided_only_where_it_can_be(initialised, words, said):
    answer = initialised("--lang", "en", *words)

    assert answer.code == 2
    assert said in answer.err
