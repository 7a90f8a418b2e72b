#!/usr/bin/env python3
"""Looks at a page of `kpki audit -o html` with headless Chromium and prints what it saw as JSON.

`browse.py FILE` looks; `browse.py FILE --shots DIR` also leaves pictures there: light, dark, phone, and the PDF that a
printer would get. Chromium is spoken to over its DevTools protocol; it gets an empty profile, and is ended by its
process id.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import websocket

# A page of thousands of certificates takes some seconds on a busy machine.
PATIENCE = 120


class Browser:
    """A Chromium of one's own with one tab."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="kpki-chromium-")
        binary = shutil.which("chromium") or sys.exit("browse.py: no chromium; run tests/tools/install.sh")
        self.process = subprocess.Popen(
            [binary, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0",
             f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.number = 0
        self.events = []
        self.socket = websocket.create_connection(self.address(), timeout=PATIENCE, suppress_origin=True)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Network", "Log", "Security"]:
            self.call(f"{domain}.enable")

    session = None

    def address(self):
        """Where it listens: it writes that into its profile."""
        port = pathlib.Path(self.profile, "DevToolsActivePort")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if port.exists() and len(lines := port.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self.process.poll() is not None:
                sys.exit(f"browse.py: chromium ended with {self.process.returncode}")
            time.sleep(0.05)
        sys.exit("browse.py: chromium does not listen")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def seen(self, method):
        return [event["params"] for event in self.events if event.get("method") == method]

    def screen(self, width, height, phone=False, dark=False, paper=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "screen",
                  features=[{"name": "prefers-color-scheme", "value": scheme},
                            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def shot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        # Chromium paints no picture of a page that is much higher.
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 14000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        # Its children are in its process group.
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            pass
        shutil.rmtree(self.profile, ignore_errors=True)


VISIBLE = """(selector) => Array.from(document.querySelectorAll(selector)).filter((e) => e.getClientRects().length > 0)"""

# What runs over the page's edge, and texts of drawings that run over their box, or over the drawing.
LAYOUT = """(() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const over = [];
  for (const box of document.querySelectorAll('svg.graph .box')) {
    const face = box.querySelector('.box-face').getBoundingClientRect();
    if (!face.width) continue;
    for (const text of box.querySelectorAll('text')) {
      const one = text.getBoundingClientRect();
      if (one.left < face.left - 0.5 || one.right > face.right + 0.5) over.push(text.textContent);
    }
    for (const line of ['.box-label, .box-aside, .badge', '.box-line, .box-end']) {
      const parts = Array.from(box.querySelectorAll(line)).map((e) => e.getBoundingClientRect()).sort((a, b) => a.left - b.left);
      for (let i = 1; i < parts.length; i++) if (parts[i].left < parts[i - 1].right - 0.5) over.push(box.querySelector('.box-label').textContent + ': words touch');
    }
  }
  const faces = (svg) => Array.from(svg.querySelectorAll('.box-face')).map((e) => e.getBoundingClientRect()).filter((r) => r.width);
  for (const svg of document.querySelectorAll('svg.graph')) {
    const all = faces(svg);
    if (all.length > 300) continue;
    for (let i = 0; i < all.length; i++) for (let j = 0; j < i; j++) {
      const [a, b] = [all[i], all[j]];
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) over.push('boxes lie on each other');
    }
  }
  for (const svg of document.querySelectorAll('svg.graph, svg.timeline')) {
    const edge = svg.getBoundingClientRect();
    if (!edge.width) continue;
    for (const text of svg.querySelectorAll('text')) {
      const one = text.getBoundingClientRect();
      if (one.left < edge.left - 1 || one.right > edge.right + 1) over.push(text.textContent);
    }
  }
  return { wide, over };
})()"""

# Texts whose colour is too near to what is behind them (WCAG 2.2, 1.4.3: 4.5, or 3 for large ones).
CONTRAST = """(() => {
  const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const parse = (c) => { const m = c.match(/[\\d.]+/g); return m ? m.map(Number) : [0, 0, 0, 0]; };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = (e) => {
    for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.5) return c; }
    return [255, 255, 255];
  };
  const poor = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('script, style, title, desc, option') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    let back = behind(e), front = parse(style.color);
    if (e.namespaceURI.endsWith('svg')) {
      front = parse(style.fill);
      const box = e.closest('.box, .dots');
      const shape = box && box.querySelector(e.matches('.badge-words') ? '.badge' : e.matches('.dot-count') ? '.dot' : '.box-face');
      if (shape) back = parse(getComputedStyle(shape).fill);
    }
    const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    const found = ratio(front, back);
    if (found < least) poor.set(e.getAttribute('class') || e.tagName, found.toFixed(2) + ' ' + walker.currentNode.data.trim().slice(0, 30));
  }
  return Object.fromEntries(poor);
})()"""


def look(browser, path, shots, js):
    url = pathlib.Path(path).resolve().as_uri()
    browser.call("Emulation.setScriptExecutionDisabled", value=not js)
    browser.screen(1280, 900)
    browser.open(url)
    count = lambda selector: browser.evaluate(f"({VISIBLE})({json.dumps(selector)}).length")
    seen = {
        "findings": count(".finding"), "groups": count(".group"), "certificates": count(".cert"),
        "controls": count(".controls"), "boxes": count("svg.graph .box"), "rows": count("svg.timeline .row"),
        "severities": browser.evaluate("Array.from(document.querySelectorAll('.tile b')).map((e) => e.textContent)"),
        "title": browser.evaluate("document.title"),
        "scripts": browser.evaluate("document.querySelectorAll('script').length"),
        "evil": browser.evaluate("String(window.evil)"),
    }
    if not js:
        return seen
    seen["layout"] = {}
    seen["contrast"] = {}
    for name, settings in {
        "light": {"width": 1280, "height": 900}, "dark": {"width": 1280, "height": 900, "dark": True},
        "tablet": {"width": 900, "height": 1100}, "phone": {"width": 390, "height": 844, "phone": True},
        "phone-dark": {"width": 390, "height": 844, "phone": True, "dark": True},
        "paper": {"width": 720, "height": 1000, "paper": True},
    }.items():
        browser.screen(**settings)
        seen["layout"][name] = browser.evaluate(LAYOUT)
        seen["contrast"][name] = browser.evaluate(CONTRAST)
        if shots:
            browser.shot(f"{shots}/{name}.png")
    browser.screen(1280, 900)
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    pdf = browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    seen["pdf"] = len(pdf)
    if shots:
        pathlib.Path(shots, "paper.pdf").write_bytes(base64.b64decode(pdf))
    browser.call("Emulation.setEmulatedMedia", media="print")
    seen["facts on paper"] = count(".facts")
    browser.call("Emulation.setEmulatedMedia", media="screen")

    # The filter. The worst severity that has findings, then words, then everything again.
    press = "document.querySelector('.tile:not(:disabled)').click()"
    seen["filter"] = {}
    if seen["findings"]:
        browser.evaluate(press)
        seen["filter"]["severity"] = count(".finding")
        seen["filter"]["said"] = browser.evaluate("document.getElementById('shown').textContent")
        browser.evaluate(press)
        seen["filter"]["unpressed"] = count(".finding")
        enter = "((id, words) => { const e = document.getElementById(id); e.value = words; e.dispatchEvent(new Event('input')); })"
        browser.evaluate(f"{enter}('find', 'no finding says this')")
        seen["filter"]["nothing"] = [count(".finding"), count("#none")]
        browser.evaluate(f"{enter}('find', document.querySelector('.finding .where .mono').textContent)")
        seen["filter"]["place"] = count(".finding")
        browser.evaluate(f"{enter}('find', '')")
        browser.evaluate("((e) => { e.selectedIndex = 1; e.dispatchEvent(new Event('input')); })(document.getElementById('rule'))")
        seen["filter"]["rule"] = count(".group")
        browser.evaluate("document.querySelector('.controls button[type=reset]').click()")
        time.sleep(0.2)
        seen["filter"]["reset"] = count(".finding")

    # Links from the drawings and the findings lead to the certificates.
    follow = """(async () => {
      let open = 0, lost = 0;
      for (const link of document.querySelectorAll('svg a[href^="#c-"], .finding a[href^="#c-"], .facts a[href^="#"]')) {
        const target = document.getElementById(link.getAttribute('href').slice(1));
        if (!target || !target.closest('details')) { lost += 1; continue; }
        if (open < 40) {
          link.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
          await new Promise((done) => setTimeout(done, 60));
          if (target.closest('details').open && target.getClientRects().length) open += 1; else lost += 1;
        }
      }
      return { open, lost };
    })()"""
    seen["links"] = browser.evaluate(follow)
    if shots:
        browser.shot(f"{shots}/details.png")
    seen["unnamed links"] = browser.evaluate(
        "Array.from(document.querySelectorAll('a')).filter((a) => !(a.getAttribute('aria-label') || a.textContent).trim()).length")
    seen["ids twice"] = browser.evaluate(
        "((all) => all.length - new Set(all).size)(Array.from(document.querySelectorAll('[id]')).map((e) => e.id))")
    return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--shots")
    arguments = parser.parse_args()
    if arguments.shots:
        os.makedirs(arguments.shots, exist_ok=True)
    browser = Browser()
    try:
        seen = look(browser, arguments.file, arguments.shots, js=True)
        requests = [params["request"]["url"] for params in browser.seen("Network.requestWillBeSent")]
        seen["requests"] = [url for url in requests if not url.startswith("data:")]
        seen["console"] = [json.dumps(params) for method in
                           ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]
                           for params in browser.seen(method)]
        seen["without script"] = look(browser, arguments.file, None, js=False)
    finally:
        browser.close()
    json.dump(seen, sys.stdout, indent=1)
    print()


main()
