"""A headless Chromium, driven over a pair of pipes by the Chrome DevTools protocol.

Only the standard library: a driver package would bring its own browser, or need another program.
Protocol: https://chromedevtools.github.io/devtools-protocol/, messages of JSON ended by a NUL.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser'))), None)
SILENCE = 60  # seconds without an answer, after which a browser is given up
KEYS = {'ArrowLeft': 37, 'ArrowRight': 39, 'Escape': 27, 'Tab': 9, 'Enter': 13, ' ': 32}


class Browser:
    """One page of one browser.

    Args:
        profile: Folder for the profile of the browser.
        size: Width and height of the window in CSS pixels.
    """

    def __init__(self, profile: Path, size: tuple[int, int] = (1366, 768)) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        self._process = subprocess.Popen(
            # The protocol reads file descriptor 3 and writes 4.
            [
                *('bash', '-c', 'exec "$@" 3<&"$COMMANDS" 4>&"$ANSWERS"', 'browser', CHROMIUM),
                *('--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe'),
                *('--disable-background-networking', '--disable-dev-shm-usage', '--no-first-run'),
                *(f'--user-data-dir={profile}', f'--window-size={size[0]},{size[1]}'),
            ],
            pass_fds=(commands, answers),
            env={**os.environ, 'COMMANDS': str(commands), 'ANSWERS': str(answers)},
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer = b''
        self._number = 0
        self._session: str | None = None
        self.events: list[dict] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = self.call('Target.attachToTarget', targetId=target, flatten=True)[
            'sessionId'
        ]
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.call(f'{domain}.enable')
        self.resize(*size)

    def call(self, method: str, **parameters: Any) -> dict:
        """Send a command and wait for its result; events on the way are kept."""
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': parameters}
        if self._session:
            message['sessionId'] = self._session
        rest = json.dumps(message).encode() + b'\0'
        while rest:
            rest = rest[os.write(self._commands, rest) :]
        while (answer := self._receive()).get('id') != self._number:
            self.events.append(answer)
        if 'error' in answer:
            raise RuntimeError(f'{method}: {answer["error"]}')
        return answer['result']

    def open(self, url: str) -> None:
        """Go to an address and wait until it has loaded."""
        self.call('Page.navigate', url='about:blank')  # else only the fragment might change
        self.call('Page.navigate', url=url)
        self.wait('document.readyState === "complete"')

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, as plain data."""
        result = self.call(
            'Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True
        )
        if 'exceptionDetails' in result:
            raise RuntimeError(f'{expression}: {result["exceptionDetails"]}')
        return result['result'].get('value')

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + SILENCE
        while not self.run(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f'never true: {expression}')
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key, as a person would."""
        text = {'Enter': '\r', ' ': ' '}.get(key, '')
        event = {'key': key, 'code': key, 'windowsVirtualKeyCode': KEYS[key], 'text': text}
        self.call('Input.dispatchKeyEvent', type='keyDown', **event)
        self.call('Input.dispatchKeyEvent', type='keyUp', **event)

    def resize(self, width: int, height: int) -> None:
        """Set the window's inner size in CSS pixels."""
        screen = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
        self.call('Emulation.setDeviceMetricsOverride', **screen)

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.call('Page.captureScreenshot')['data'])

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        return base64.b64decode(self.call('Page.printToPDF', preferCSSPageSize=True)['data'])

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self.call('Browser.close')
        self._process.wait(SILENCE)
        os.close(self._commands)
        os.close(self._answers)

    def _receive(self) -> dict:
        while b'\0' not in self._buffer:
            if not select.select([self._answers], [], [], SILENCE)[0]:
                raise TimeoutError('the browser does not answer')
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise RuntimeError('the browser has ended')
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)


def choose(name: str, value: str) -> str:
    """JavaScript that sets a control of the viewer as a person would: with an event."""
    return (
        f'(() => {{ const field = document.querySelector(\'#controls [name="{name}"]\');'
        f"field.value = '{value}'; field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )
