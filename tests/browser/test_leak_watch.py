"""What people send by pages is searched for in all that is logged and measured, as is what other tests put in."""

import pytest

from support import leaks
from support.receivers import Receiver

pytestmark = pytest.mark.slow

FORM = """<form method="post" action="{url}"{more}>
    <input name="title" value="Our winter"><textarea name="text">In the snow</textarea>
    <input name="theme" value="Paper">{files}<button>Send</button>
</form>"""


@pytest.mark.parametrize(
    ("more", "files"),
    [("", ""), (' enctype="multipart/form-data"', '<input type="file" name="photos">')],
    ids=["a form", "a form with files"],
)
def test_what_is_typed_into_a_page_is_found_in_a_line(chromium, more, files):
    with leaks.watching() as watch, Receiver() as receiver:
        context = chromium.new_context()
        page = context.new_page()
        page.set_content(FORM.format(url=receiver.url, more=more, files=files))
        page.get_by_role("button", name="Send").click()
        context.close()
        leaks.hear_log('{"message": "Our winter, In the snow, on Paper"}')

    assert {secret for _said, secret in watch.found()} == {"Our winter", "In the snow"}
