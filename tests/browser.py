"""A headless Chromium, driven over its debugging pipe with the standard library alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13, "Home": 36, "End": 35, "Tab": 9}


class Browser:
    """One page in a browser.

    Attributes:
        said: what the page wrote to its console, and its errors.
    """

    def __init__(self, profile: Path, path: Path, width: int = 1280) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        command = [str(CHROMIUM), *_FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self._child = subprocess.Popen(  # noqa: S603  the browser, on a page of our own
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "-", *command],  # noqa: S607
            pass_fds=(to_read, to_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest = 0, b""
        self._session: str | None = None
        self.said: list[str] = []
        self.fetched: list[str] = []
        self._open(path, width)

    def _open(self, path: Path, width: int) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        self._child.wait()
        os.close(self._to)
        os.close(self._from)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer.get("result", {})
                return result
            self._note(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = os.read(self._from, 1 << 16)
            assert chunk, "the browser is gone"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        method = event.get("method")
        if method in {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}:
            self.said.append(json.dumps(event["params"]))
        if method == "Network.requestWillBeSent":
            self.fetched.append(event["params"]["request"]["url"])

    def run(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def violations(self, scheme: str = "light", *rules: str) -> list[str]:
        """What axe-core finds against the page in light or dark, by some rules or by all."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)
        axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.run(f"{axe};0")
        options = {"runOnly": rules} if rules else {}
        found = self.send(
            "Runtime.evaluate",
            expression=f"axe.run({json.dumps(options)}).then(r => "
            "r.violations.map(v => v.id + ' ' + v.nodes[0].html))",
            awaitPromise=True,
            returnByValue=True,
        )
        violations: list[str] = found["result"]["value"]
        return violations

    def wait(self, condition: str) -> None:
        """Wait until a condition holds in the page."""
        for _ in range(200):
            if self.run(condition):
                return
            time.sleep(0.02)
        raise AssertionError(condition)

    def press(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, **code, **text)

    def click_until(self, selector: str, condition: str) -> None:
        """Click on an element until a condition holds: a page still being laid out may move it."""
        for _ in range(20):
            self.point(selector, click=True)
            if self.run(condition):
                return
            time.sleep(0.1)
        raise AssertionError(condition)

    def point(self, selector: str, *, click: bool = False) -> None:
        """Move the mouse to the middle of an element, and click on it."""
        there = (
            f"(() => {{ const e = document.querySelector({selector!r}); "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const r = e.getBoundingClientRect(); "
            "const at = [r.x + r.width / 2, r.y + r.height / 2]; "
            "return e.contains(document.elementFromPoint(...at)) ? at : null })()"
        )
        self.wait(f"{there} !== null")  # a layout under way moves things from under the mouse
        place = self.run(there)
        at = {"x": place[0], "y": place[1]}
        self.send("Input.dispatchMouseEvent", type="mouseMoved", **at)
        if click:
            for kind in ("mousePressed", "mouseReleased"):
                self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)
