"""Each snippet of the README, pasted, works."""

from __future__ import annotations

import json
import os
import textwrap

import pytest

from harness.longshore import ROOT, binary
from harness.namespaces import with_own_network
from harness.processes import ProgramFailed, clean_environment, run, wait_until
from harness.readme import as_script, snippets

pytestmark = pytest.mark.longshore_only

# Building again what was just built would show nothing new: `cargo run -- …` runs the program under test.
CARGO = """\
#!/bin/sh
while [ "$1" != "--" ]; do
    case $1 in run | --release) shift ;; *) echo "the README's test has no cargo $1" >&2; exit 1 ;; esac
done
shift
exec {binary} "$@"
"""

# What the reader types when sftp asks for the password that the API's answer showed.
ASKPASS = """\
#!/bin/sh
exec sed 's/.*"password":"\\([^"]*\\)".*/\\1/' alice.json
"""


def _program(path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o700)


@pytest.fixture
def checkout(workdir):
    """What the reader has in front of them: a checkout that is built."""
    tools = workdir / "tools"
    tools.mkdir()
    _program(tools / "cargo", CARGO.format(binary=binary()))
    _program(tools / "askpass", ASKPASS)
    place = workdir / "longshore"
    (place / "target/release").mkdir(parents=True)
    (place / "target/release/longshore").symlink_to(binary())
    (place / "node_modules").symlink_to(ROOT / "interop/sdk/node_modules")
    return place


def paste(checkout, readme: str):
    """Runs the snippets in the checkout, with every port of 127.0.0.1 free."""
    tools = checkout.parent / "tools"
    env = clean_environment(
        HOME=str(checkout.parent),
        PATH=f"{tools}:{os.environ['PATH']}",
        SSH_ASKPASS=str(tools / "askpass"),
        SSH_ASKPASS_REQUIRE="force",
    )
    script = checkout.parent / "script"
    script.write_text(
        as_script(snippets(readme), "test -e longshore-data/run/server.json").replace(
            "\nnode ", '\nLONGSHORE_API_KEY="$(cat api-key)" node '
        )
    )
    return run([*with_own_network(), "bash", script], cwd=checkout, env=env, timeout=120)


def test_the_readmes_snippets_work_when_pasted_in_order(checkout):
    readme = (ROOT / "README.md").read_text()
    blocks = snippets(readme)
    assert sum(block.how == "background" for block in blocks) == 1
    assert sum(block.how is None for block in blocks) >= 3
    finished = paste(checkout, readme)
    print(finished.text, finished.errors)
    user = json.loads((checkout / "alice.json").read_text())
    (uploaded,) = (checkout / "longshore-data/buckets").rglob("report.txt")
    assert uploaded.read_bytes() == (checkout / "report.txt").read_bytes()
    assert uploaded.parent.name == user["homeDirectory"].strip("/")
    assert str(uploaded.relative_to(checkout)) in finished.text
    server = json.loads((checkout / "longshore-data/run/server.json").read_text())
    wait_until(lambda: not os.path.exists(f"/proc/{server['pid']}"), "the service to be gone with the script")


def test_cargo_run_without_further_words_means_longshore():
    described = run(["cargo", "metadata", "--format-version=1", "--no-deps", "--offline"], cwd=ROOT, env=dict(os.environ))
    workspace = json.loads(described.text)
    programs = [
        target["name"]
        for package in workspace["packages"]
        if package["id"] in workspace["workspace_default_members"]
        for target in package["targets"]
        if "bin" in target["kind"]
    ]
    assert programs == ["longshore"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("```sh\nno-such-command\n```\n", id="unknown command"),
        pytest.param("```sh\nfalse | cat\n```\n", id="failing pipe"),
        pytest.param("```js\nthrow new Error('x');\n```\n", id="failing script"),
        pytest.param("<!-- test: background -->\n```sh\nexit 1\n```\n", id="service that ends"),
    ],
)
def test_a_snippet_that_does_not_work_is_noticed(checkout, broken):
    with pytest.raises(ProgramFailed):
        paste(checkout, broken)


def test_a_snippet_that_says_so_is_skipped(checkout):
    readme = textwrap.dedent(
        """
        <!-- test: skip, for a reason -->
        ```sh
        false
        ```
        ```sh
        echo ran
        ```
        """
    )
    assert paste(checkout, readme).text == "ran\n"
