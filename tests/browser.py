"""A real browser for the tests: Debian's chromium, driven over WebDriver with the standard library alone.

`python -m tests.browser out/screenshots` writes pictures of the drawings in their states, to be looked at.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.waiting import CEILING

CHROMIUM, DRIVER = "chromium", "chromedriver"
START, ANSWER = CEILING, CEILING  # seconds that starting, and each command, may take
# Root in a container has no sandbox, no graphics card and little shared memory; what is loaded is our own. The rest
# keeps the browser from asking anything of the network by itself.
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--force-device-scale-factor=1", "--force-color-profile=srgb",
]  # fmt: skip
KEYS = {
    "Tab": "\ue004", "Enter": "\ue007", "Shift": "\ue008", "Control": "\ue009", "Alt": "\ue00a", "Escape": "\ue00c",
    "Space": " ", "End": "\ue010", "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowUp": "\ue013",
    "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Meta": "\ue03d",
}  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name that the WebDriver standard gives to element references

# checkVisibility() takes what has display: none in an SVG for visible.
SEEN = "const seen = g => g.getClientRects().length > 0 && getComputedStyle(g).visibility === 'visible';"


class NoBrowserError(Exception):
    """There is no browser here, or it does not start."""


class Browser:
    """One window of headless chromium; every command has a time limit."""

    def __init__(self, width: int = 1280, height: int = 900) -> None:
        missing = [name for name in (CHROMIUM, DRIVER) if shutil.which(name) is None]
        if missing:
            raise NoBrowserError(f"no {' and no '.join(missing)} here (Debian: apt install chromium chromium-driver)")
        # A short name: chromium makes a socket some folders below, whose path may not be longer than 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="tg-b-"))
        self._files = 0
        self._session = ""
        self._scripts = True
        with (self.folder / "driver.log").open("wb") as log:
            self._driver = subprocess.Popen(
                [DRIVER, "--port=0"], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, env=os.environ | {"TMPDIR": str(self.folder)},
            )  # fmt: skip
        try:
            self._port = self._find_port()
            flags = [*FLAGS, f"--user-data-dir={self.folder / 'profile'}", f"--window-size={width},{height}"]
            limits = {"script": int(1000 * ANSWER), "pageLoad": int(1000 * ANSWER)}
            options = {"binary": shutil.which(CHROMIUM), "args": flags}
            wanted = {
                "timeouts": limits,
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}, limit=START)
            self._session = f"/session/{answer['sessionId']}"
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | RuntimeError | http.client.HTTPException):
                raise NoBrowserError(f"chromium did not start within {START:g} s: {error}") from error
            raise

    def _find_port(self) -> int:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._driver.poll() is None:
            found = re.search(r"successfully on port (\d+)", (self.folder / "driver.log").read_text("utf-8", "replace"))
            if found:
                return int(found[1])
            time.sleep(0.02)
        raise RuntimeError(f"{DRIVER} names no port: {(self.folder / 'driver.log').read_text('utf-8', 'replace')}")

    def close(self) -> None:
        """End the browser and the driver, and remove what they wrote."""
        if self._session:
            with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):  # it may be dead already
                self._ask("DELETE", self._session)
        for ending in (signal.SIGTERM, signal.SIGKILL):  # the group: chromium's processes are the driver's children
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._driver.pid, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._driver.wait(5 if ending == signal.SIGTERM else CEILING)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, method: str, path: str, body: object = None, limit: float = ANSWER) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=limit)
        try:
            data = None if method != "POST" else json.dumps({} if body is None else body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{path.rpartition('/')[2]}: {value['error']}: {value['message']}")
        return value

    def _tell(self, command: str, body: object = None) -> Any:
        return self._ask("POST", f"{self._session}/{command}", body)

    # Pages

    def open(self, text: str, suffix: str = ".html") -> None:
        """Write `text` to a file, load it, and return when it has been painted: before, a key may be lost."""
        self._files += 1
        path = self.folder / f"page{self._files}{suffix}"
        path.write_text(text, "utf-8")
        self._tell("url", {"url": path.as_uri()})
        if self._scripts:
            self.run_async("requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))")

    def run(self, script: str, *arguments: object) -> Any:
        """Return what the body of a function, in JavaScript, returns in the page."""
        return self._tell("execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str, *arguments: object) -> Any:
        """Return what `script` gives to the function that is its last argument."""
        return self._tell("execute/async", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: object, seconds: float = CEILING) -> Any:
        """Run `script` until it returns something true, and return that; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < deadline, f"never true in {seconds:g} s: {script}"
            time.sleep(0.02)
        return found

    def into_frame(self, selector: str) -> None:
        """Let the following commands go to the frame that `selector` finds, until the next `open`."""
        self._tell("frame", {"id": self.find(selector)})

    def find(self, selector: str) -> dict[str, str]:
        """Return the reference of the first element that the CSS `selector` finds."""
        found: dict[str, str] = self._tell("element", {"using": "css selector", "value": selector})
        return found

    def cdp(self, command: str, **parameters: object) -> Any:
        """Run a command of the DevTools protocol."""
        return self._tell("goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return what came into the log "browser" or "performance" since the last call."""
        found: list[dict[str, Any]] = self._tell("se/log", {"type": kind})
        return found

    def requests(self) -> list[str]:
        """Return the addresses asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    # What a person does

    def point(self, selector: str, dx: int = 0, dy: int = 0) -> None:
        """Move the pointer to the middle of an element, or so many pixels beside it."""
        self._act("pointer", [_move(self.find(selector), dx, dy)])

    def point_at(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""
        self._act("pointer", [_move("viewport", round(x), round(y))])

    def click(self, selector: str, dx: int = 0, dy: int = 0) -> None:
        """Move to an element and click."""
        press, release = ({"type": f"pointer{way}", "button": 0} for way in ("Down", "Up"))
        self._act("pointer", [_move(self.find(selector), dx, dy), press, release])

    def press(self, *keys: str, holding: Sequence[str] = ()) -> None:
        """Press keys one after the other, while `holding` others; named as in KeyboardEvent.key."""
        held = [KEYS[key] for key in holding]
        downs = [{"type": "keyDown", "value": key} for key in held]
        ups = [{"type": "keyUp", "value": key} for key in held]
        taps = [{"type": way, "value": KEYS.get(key, key)} for key in keys for way in ("keyDown", "keyUp")]
        self._act("key", [*downs, *taps, *ups])

    def _act(self, kind: str, actions: Sequence[Mapping[str, object]]) -> None:
        source: dict[str, object] = {"type": kind, "id": kind, "actions": list(actions)}
        if kind == "pointer":
            source["parameters"] = {"pointerType": "mouse"}
        self._tell("actions", {"actions": [source]})

    # What a person has set

    def media(self, kind: str = "", **features: str) -> None:
        """Emulate a medium ("print") and features (prefers_color_scheme="dark"), without motion unless asked for."""
        wanted = {"prefers_reduced_motion": "reduce", **features}
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in wanted.items()]
        self.cdp("Emulation.setEmulatedMedia", media=kind, features=named)

    def scripts(self, *, on: bool) -> None:
        """Let pages run their scripts, or not, from the next `open` on."""
        self.cdp("Emulation.setScriptExecutionDisabled", value=not on)
        self._scripts = on

    def window(self, width: int, height: int) -> None:
        """Give the page this many pixels, as on a telephone."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def usual(self) -> None:
        """Take back `media`, `scripts` and `window`, and put the pointer into the corner."""
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.scripts(on=True)
        self.media()
        self._ask("DELETE", f"{self._session}/actions")
        self.point_at(0, 0)

    def read_aloud(self) -> list[tuple[str, str]]:
        """Return role and name of everything that a screen reader meets, in its order."""
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]

    def screenshot(self, path: Path) -> None:
        """Write the window as PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", f"{self._session}/screenshot")))


def _move(origin: object, x: int, y: int) -> dict[str, object]:
    return {"type": "pointerMove", "duration": 0, "origin": origin, "x": x, "y": y}


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser for the length of a `with`, and end it whatever happens."""
    browser = Browser()
    try:
        yield browser
    finally:
        browser.close()


def drawings() -> dict[str, Any]:
    """Return the drawings that tests and pictures are made of: figure 6-17, and two modules in one network."""
    import numpy as np

    import tensorgrad as tg
    from tensorgrad import nn, viz

    x = tg.tensor(np.random.default_rng(0).standard_normal((7, 3)), requires_grad=True)
    figure = viz.draw(nn.BatchNorm1d(3).double(), x, dims={7: "N", 3: "D"})
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()), nn.Linear(3, 2))
    y = tg.tensor(np.random.default_rng(1).standard_normal((5, 4)), dtype=tg.float32, requires_grad=True)
    return {"figure-6-17": figure, "network": viz.draw(net, y, title="A network")}


def screenshots(folder: Path) -> list[Path]:
    """Write pictures of the drawings in their states into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with browsing() as browser:
        for name, drawing in drawings().items():
            for state in ("light", "dark", "hovered", "stepped", "folded", "phone", "whole"):
                browser.usual()
                browser.media(prefers_color_scheme="dark" if state == "dark" else "light")
                if state in {"phone", "whole"}:
                    browser.window(390, 500)
                browser.open(drawing.html)
                if state == "hovered":
                    browser.point(f"#{drawing.picture.vertices[3].id}")
                elif state == "stepped":
                    browser.press("End", *["ArrowLeft"] * 4)
                elif state == "folded":
                    browser.run("for (const g of document.querySelectorAll('.cluster'))"
                                "g.dispatchEvent(new MouseEvent('click', {bubbles: true}))")  # fmt: skip
                elif state == "whole":
                    browser.press("0")
                written.append(folder / f"{name}-{state}.png")
                browser.screenshot(written[-1])
    return written


if __name__ == "__main__":
    for path in screenshots(Path(sys.argv[1] if len(sys.argv) > 1 else "out/screenshots")):
        print(path)
