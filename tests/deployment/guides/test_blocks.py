"""How the commands of a guide, and the answers that it shows, are read."""

import pytest

from blocks import blocks, commands, is_answered

GUIDE = """\
```sh
export A=1     # a remark
curl localhost:8000/health \\
  | jq '.readings | length'    # 17520
for i in 1 2; do
    echo $i
done
curl -X POST localhost:8000/readings
# 201 {"status":"accepted","stream_id":"1705314600123-0"}

curl localhost:8001/sites/house-01/readings
# {"site_id":"house-01","readings":[{"stream_id": "1-0",
#   "power_reading": 1500.5}]}
```

<!-- not run: it needs a cluster -->
```sh
kubectl get pods
```
"""


def test_a_command_may_have_several_lines_and_its_output_follows():
    block, other = blocks(GUIDE)
    assert (block.reason, other.reason) == (None, "it needs a cluster")
    found = [(command.line, command.answer) for command in commands(block)]
    reading = {"site_id": "house-01", "readings": [{"stream_id": "1-0", "power_reading": 1500.5}]}
    assert found == [(2, ...), (3, 17520), (5, ...), (8, {"status": "accepted", "stream_id": "1705314600123-0"}), (11, reading)]


@pytest.mark.parametrize(
    "promised, said, answered",
    [
        (17520, "17520\n", True),
        (17520, "17521\n", False),
        ({"id": "1-0"}, '{"id": "2-0"}', True),
        ({"id": "1-0"}, '{"name": "2-0"}', False),
        ({"id": "1-0"}, '{"id": 2}', False),
        ({"power": 1500.5}, '{"power": 7}', True),
        ([{"id": "1-0"}], '[{"id": "2-0"}, {"id": "3-0"}]', True),
        ([{"id": "1-0"}], "[]", False),
        ({"id": "1-0"}, "", False),
    ],
)
def test_an_output_matches_by_its_members_and_numbers_exactly(promised, said, answered):
    assert is_answered(promised, said) == answered
