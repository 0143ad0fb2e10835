"""What is compressed on its way out, and what is not."""

import gzip

import pytest
from django.http import FileResponse, HttpResponse

from ava.lib.compression import CompressTextMiddleware


def sent(rf, response: HttpResponse) -> HttpResponse:
    request = rf.get("/", headers={"accept-encoding": "gzip, br"})
    return CompressTextMiddleware(lambda _: response)(request)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/css", "text/javascript", "image/svg+xml"])
def test_texts_go_out_compressed(rf, kind):
    answer = sent(rf, HttpResponse(b"the same again " * 1000, content_type=kind))
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(answer.content) == b"the same again " * 1000


def test_a_recording_goes_out_as_it_is_so_that_its_parts_can_be_asked_for(rf, tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF" + bytes(5000))
    with path.open("rb") as file:
        answer = sent(rf, FileResponse(file, content_type="audio/wav"))
        assert "Content-Encoding" not in answer
        assert answer["Content-Length"] == "5004"


def test_a_part_of_a_text_is_not_compressed(rf):
    assert "Content-Encoding" not in sent(rf, HttpResponse(b"x" * 1000, status=206, content_type="text/plain"))
