"""The dates of a picture are read from its XMP packet, and those of others are not."""

from datetime import datetime

import pytest

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.metadata.date_sources import DateSource
from memorycapsule.media.metadata.xmp import read_xmp_dates

_PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"><rdf:Description rdf:about="">{}</rdf:Description></rdf:RDF>
</x:xmpmeta>"""
_OWN = "<xmp:CreateDate>2024-02-21T10:14:22</xmp:CreateDate>"


@pytest.mark.parametrize(
    "others",
    [
        (
            '<xmpMM:Ingredients><rdf:Bag><rdf:li rdf:parseType="Resource"><xmp:CreateDate>2001-01-01</xmp:CreateDate>'
            "</rdf:li></rdf:Bag></xmpMM:Ingredients>"
        ),
        (
            '<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description xmp:CreateDate="2001-01-01T01:01:01"/></rdf:li></rdf:Bag>'
            "</xmpMM:Pantry>"
        ),
        '<xmpMM:DerivedFrom xmp:CreateDate="2001-01-01T01:01:01"/>',
    ],
)
def test_the_date_of_what_a_picture_was_made_from_is_not_its_own(others):
    assert read_xmp_dates(_PACKET.format(others).encode()) == {}
    assert read_xmp_dates(_PACKET.format(others + _OWN).encode()) == {
        DateSource.XMP_MADE: CaptureTime(local=datetime(2024, 2, 21, 10, 14, 22))
    }
