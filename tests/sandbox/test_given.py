"""A given report is played as it is, tied to the number that was rung."""

import json
from pathlib import Path

from ava.sandbox import given

SAMPLE = Path(__file__).parent.parent / "fixtures" / "vapi" / "vapi-end-of-call-report.json"


def test_the_script_of_a_given_report_is_what_it_says_was_said():
    script = given.script(json.loads(SAMPLE.read_bytes()))
    assert script["turns"][1] == {"role": "user", "text": "Bonjour, je voudrais déplacer mon rendez-vous de jeudi."}
    assert script["caller"] == "+33639980017"
    assert script["language"] == "fr"


def test_a_report_in_the_seeds_shape_can_be_played_too():
    report = {"event": "call.completed", "call": {"id": "call_abc", "transcript": [{"role": "user", "text": "Allô ?"}]}}
    assert given.script(report)["turns"] == [{"role": "user", "text": "Allô ?"}]
    assert given.call_id(report) == "call_abc"


def test_a_report_with_nothing_in_it_can_still_be_played():
    assert given.script({})["turns"] == given.NOTHING_SAID


def test_a_call_id_that_would_name_a_file_elsewhere_is_not_kept():
    assert given.call_id({"message": {"call": {"id": "../../etc/passwd"}}}) is None
