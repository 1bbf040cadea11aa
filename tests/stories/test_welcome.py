"""
The page at the hub's root: its samples are taken from it as they stand there, given a pair, and run.

C# has no compiler here; its sample is checked for what it carries, and is not run.
"""

import contextlib
import html
import http.server
import os
import re
import subprocess
import sys
import threading

import pytest

from fixtures_hub import free_port

PROGRAM = """\
[accounts.campus]
username = "campus"
password = "campus-password"
program_sid = "6ymXUTPfyNG6pBjd"
program_key = "vUfprLLcKJ6MFBFuCntvLCsHB53xusCp"
originator = "CSU"
cors_origins = ["http://localhost:{page_port}"]
"""
FILLED = {
    "YOUR_PROGRAM_SID": "6ymXUTPfyNG6pBjd",
    "YOUR_PROGRAM_KEY": "vUfprLLcKJ6MFBFuCntvLCsHB53xusCp",
    "YOUR_USERNAME": "campus",
    "YOUR_PASSWORD": "campus-password",
}
# As headless Chromium runs everywhere, root in a container too, and asks no other machine for anything.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The document's own sample, with the browser's own means: the plus sign before the token makes it a number, NaN.
AS_PRINTED = """
    async ([hub, pair, mended]) => {
        const post = (path, headers, body) => new Promise((done) => {
            const call = new XMLHttpRequest();
            call.open("POST", hub + path);
            for (const name in headers) call.setRequestHeader(name, headers[name]);
            call.onload = () => done([call.status, call.responseText]);
            call.onerror = () => done([0, "no answer that a page may read"]);
            call.send(JSON.stringify(body));
        });
        const type = {"Content-Type": "application/json; charset=utf-8"};
        const token = JSON.parse((await post("/api/Login", type, pair))[1]);
        const authorization = mended ? "Bearer " + token : + token;
        return post("/api/TextMessages", {...type, Authorization: authorization}, {
            ProgramId: "D2B67BE0-79A2-49DD-9476-7C793FDC3297", Message: "my message", PhoneNumber: "19706904544"
        });
    }
"""


# The same with jQuery, as the document's sample is.
WITH_JQUERY = """
    async ([hub, pair, mended]) => {
        const settings = {type: "POST", contentType: "application/json; charset=utf-8", dataType: "json"};
        const token = await $.ajax({...settings, url: hub + "/api/Login", data: JSON.stringify(pair)});
        const text = {
            ProgramId: "D2B67BE0-79A2-49DD-9476-7C793FDC3297", Message: "jQuery message", PhoneNumber: "19706904544"
        };
        return new Promise((done) => $.ajax({
            ...settings, url: hub + "/api/TextMessages", data: JSON.stringify(text),
            beforeSend: (call) => call.setRequestHeader("Authorization", mended ? "Bearer " + token : + token),
            complete: (call) => done(call.status)
        }));
    }
"""
JQUERY = "/usr/share/javascript/jquery/jquery.min.js"


@pytest.fixture(scope="module")
def page_port():
    """Give the port of the pages of another origin."""
    return free_port()


@pytest.fixture(scope="module")
def hub(make_shared_smsc, make_shared_hub, page_port, words):
    """A hub below a mount, with the message centre behind it as `smsc`."""
    smsc = make_shared_smsc()
    program = PROGRAM.format(page_port=page_port)
    tables = words.accounts + program + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_shared_hub(tables)
    hub.bound("smsc")
    hub.smsc = smsc
    return hub


def welcome(hub, path="/", **headers):
    """Get the page."""
    return hub.call("GET", path, user=None, headers=headers)


def sample(hub, name):
    """Take a sample from the page, as a reader copies it, with the credentials filled in."""
    page = welcome(hub, Host=f"127.0.0.1:{hub.port}").body.decode()
    found = re.search(rf'<code id="sample-{name}">(.*?)</code></pre>', page, re.DOTALL)
    text = html.unescape(found[1])
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    assert "YOUR_" not in text
    return text


def run(command, text, folder):
    """Run a program with a sample on its standard input; give what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    ran = subprocess.run(
        command, input=text, env=environment, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "") == (ran.returncode, ran.stderr)
    return ran.stdout


@pytest.mark.needs("curl")
def test_the_curl_sample_sends(hub, tmp_path):
    """It logs in and sends with the token."""
    assert '"status":' in run(["sh", "-eu"], sample(hub, "curl"), tmp_path)

    hub.smsc.arrives("CSU -> 491701234567: Hello from curl")


@pytest.mark.needs("curl")
def test_the_sample_of_the_native_api_sends(hub, tmp_path):
    """With a name and a password, and no token."""
    assert '"state":' in run(["sh", "-eu"], sample(hub, "native"), tmp_path)

    hub.smsc.arrives("CSU -> 491701234567: Hello from /v1")


CODES = [
    pytest.param("codes", ["sh", "-eu"], marks=pytest.mark.needs("curl")),
    ("codes-python", [sys.executable, "-I"]),
]


@pytest.mark.parametrize(("name", "command"), CODES)
def test_the_samples_of_codes_send_and_check_one(hub, tmp_path, name, command):
    """They wait for what the person types, which the handset shows, and say yes to it."""
    (tmp_path / name).write_text(sample(hub, name))
    before = len(hub.smsc.texts)
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, name], cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        words = hub.smsc.arrived(before + 1)[-1]
        printed, errors = running.communicate(re.search(r"code is ([0-9]{6})", words)[1] + "\n", timeout=30)

    assert "" == errors
    assert "True\n" == printed[-5:] or '"match":true' in printed


def test_the_python_sample_sends(hub, tmp_path):
    """With nothing installed but Python."""
    assert "'status'" in run([sys.executable, "-I", "-W", "error", "-"], sample(hub, "python"), tmp_path)

    hub.smsc.arrives("CSU -> 491701234567: Hello from Python")


@pytest.mark.needs("php")
def test_the_php_sample_sends(hub, tmp_path):
    """With PHP's curl extension."""
    assert "[status]" in run(["php"], sample(hub, "php"), tmp_path)

    hub.smsc.arrives("CSU -> 491701234567: Hello from PHP")


def test_the_csharp_sample_has_what_it_needs(hub):
    """Its base ends with a slash and its paths begin without one, or .NET would drop the mount."""
    text = sample(hub, "csharp")

    assert f'new Uri("http://127.0.0.1:{hub.port}/")' in text
    assert ['"api/Login"', '"api/TextMessages"'] == re.findall(r'"/?api/\w+"', text)


@pytest.fixture(scope="module")
def page_of_another_origin(page_port):
    """Serve an empty page at http://localhost, which is another origin than the hub's."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", page_port), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://localhost:{page_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    """Run Chromium without a screen."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_api.sync_playwright())
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        stack.callback(chromium.close)
        yield chromium


@pytest.mark.needs("chromium")
def test_a_browser_sends_from_another_origin(hub, browser, page_of_another_origin):
    """The document's sample is 401 as it is printed and sends once "Bearer " is back; so does ours of the page."""
    tab = browser.new_page()
    tab.goto(page_of_another_origin)
    pair = {"ProgramSID": FILLED["YOUR_PROGRAM_SID"], "ProgramKey": FILLED["YOUR_PROGRAM_KEY"]}
    base = f"http://127.0.0.1:{hub.port}"

    refused = tab.evaluate(AS_PRINTED, [base, pair, False])
    sent = tab.evaluate(AS_PRINTED, [base, pair, True])

    assert [401, "The token is missing, wrong, expired or revoked; log in again.\n"] == refused
    assert 200 == sent[0]
    hub.smsc.arrives("CSU -> 19706904544: my message")
    tab.add_script_tag(content=sample(hub, "javascript"))
    hub.smsc.arrives("CSU -> 491701234567: Hello from JavaScript")


@pytest.mark.needs("chromium")
@pytest.mark.needs(JQUERY)
def test_jquery_sends_from_another_origin(hub, browser, page_of_another_origin):
    """With jQuery itself the document's sample sends `NaN`, which is 401, and a text once "Bearer " is back."""
    tab = browser.new_page()
    tab.goto(page_of_another_origin)
    tab.add_script_tag(path=JQUERY)
    pair = {"ProgramSID": FILLED["YOUR_PROGRAM_SID"], "ProgramKey": FILLED["YOUR_PROGRAM_KEY"]}
    base = f"http://127.0.0.1:{hub.port}"

    assert 401 == tab.evaluate(WITH_JQUERY, [base, pair, False])
    assert 200 == tab.evaluate(WITH_JQUERY, [base, pair, True])
    hub.smsc.arrives("CSU -> 19706904544: jQuery message")


@pytest.mark.needs("chromium")
def test_a_page_of_an_unlisted_origin_hears_nothing(hub, browser, page_of_another_origin):
    """The same page under another name may not even log in."""
    tab = browser.new_page()
    tab.goto(page_of_another_origin.replace("localhost", "127.0.0.1"))

    answered = tab.evaluate(
        "hub => fetch(hub + '/api/Login', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"
        ".then(answer => answer.status, error => error.name)",
        f"http://127.0.0.1:{hub.port}",
    )

    assert "TypeError" == answered


@pytest.mark.needs("chromium")
def test_the_page_is_read_on_a_phone_and_asks_nobody(hub, browser):
    """No width is lost sideways, both colour schemes show, and every request goes to the hub."""
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 23, 30)")):
        tab = browser.new_page(viewport={"width": 360, "height": 640}, color_scheme=scheme)
        asked, said = [], []
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.goto(hub.url + "/")
        assert 360 >= tab.evaluate("document.documentElement.scrollWidth")
        assert paper == tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert "What is here" == tab.inner_text("h2 >> nth=0")
        assert ["/", "/welcome.css"] == [url.removeprefix(hub.url) for url in asked if "favicon" not in url]
        assert [] == [line for line in said if "favicon" not in line]


def test_the_page_carries_the_callers_own_address(make_hub, words):
    """Host, scheme and mount of the caller are in the samples and links; a hostile Host is not repeated."""
    hub = make_hub(words.accounts, server='mount = "/cwis463"', start=False)
    hub.spawn()
    words.wait_for(lambda: _is_there(hub))

    page = welcome(hub, "/cwis463/", Host="sms.example:8443", **{"X-Forwarded-Proto": "https"})
    text = html.unescape(page.body.decode())
    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["content-type"])
    # In the samples of curl for each call, in the others once; three of them are those of codes.
    assert 10 == text.count("https://sms.example:8443/cwis463") == text.count("https://")
    assert 'href="/cwis463/docs"' in text
    for link in re.findall(r'href="(/[^"]*)"', text):
        # The console sends whoever is not signed in to the page for it.
        assert welcome(hub, html.unescape(link)).status == (303 if link.endswith("/console/") else 200), link
    assert page.body == welcome(hub, "/cwis463", Host="sms.example:8443", **{"X-Forwarded-Proto": "https"}).body

    for hostile in ('"><script>alert(1)</script>', "a'b", "a b", "a$(id)", "x" * 300):
        hostile_page = welcome(hub, "/cwis463/", Host=hostile, **{"X-Forwarded-Proto": "javascript"}).body.decode()
        assert "http://127.0.0.1:8080/cwis463/api/Login" in html.unescape(hostile_page)
        assert "<script" not in hostile_page
        assert f"//{html.escape(hostile)}" not in hostile_page


def _is_there(hub):
    with contextlib.suppress(OSError):
        return welcome(hub, "/cwis463/livez").status == 200


def test_the_page_is_closed_against_everything_else(hub):
    """A strict policy, no script, no inline style; HEAD works; only doors that are there are told of."""
    page = welcome(hub)

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "nosniff" == page.headers["x-content-type-options"]
    assert not re.search(rb"<script|style=|https?://(?!127\.0\.0\.1)", page.body)
    head = hub.call("HEAD", "/", user=None)
    assert (200, b"") == (head.status, head.body)
    for offered in (b"/api/Login", b"/v1", b"/smshub/"):
        assert offered in page.body
    style = welcome(hub, "/welcome.css")
    assert (200, "text/css; charset=utf-8") == (style.status, style.headers["content-type"])
