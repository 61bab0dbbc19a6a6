"""Installs, serves, builds and checks examples/storefront/: `python3 .ci/storefront.py serve`.

Standard library only: it says what is missing on a machine that has neither Node.js nor anything installed.
"""

import base64
import filecmp
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOREFRONT = ROOT / "examples" / "storefront"
MANIFEST = STOREFRONT / "persisted-documents.json"
NGINX = ROOT / "docker" / "nginx" / "storefront.include.template"
# A copy of the lock that was installed whole.
STAMP = STOREFRONT / "node_modules" / "installed-lock.json"
MIN_NODE = (20, 19)
MAX_LINES = 2_500
MAX_FIRST_LOAD_BYTES = 120_000


def lacks_of_node() -> str:
    """What this machine lacks for the storefront, as a sentence; "" when it has all."""
    wanted = ".".join(map(str, MIN_NODE))
    if not (shutil.which("node") and shutil.which("npm")):
        return f"The storefront needs Node.js {wanted} or newer with npm, and there is none here: https://nodejs.org/"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    found = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
    return "" if found >= MIN_NODE else f"The storefront needs Node.js {wanted} or newer, and node here is {said}."


def npm(*arguments: str) -> None:
    """Runs npm in the storefront's folder; exits with its status when it fails."""
    if status := subprocess.run(["npm", *arguments], cwd=STOREFRONT).returncode:
        sys.exit(status)


def install() -> None:
    """Installs the locked packages; at once when they are there."""
    if lacks := lacks_of_node():
        sys.exit(lacks)
    lock = STOREFRONT / "package-lock.json"
    if not (STAMP.exists() and filecmp.cmp(lock, STAMP, shallow=False)):
        print("Installing the packages of examples/storefront/ (once, until package-lock.json changes)", flush=True)
        npm("ci", "--no-fund", "--no-audit", "--loglevel=error")
        shutil.copyfile(lock, STAMP)


def look_at_service(api: str, origin: str) -> str:
    """Why the storefront at this origin gets no products of the service, and what to do; "" when it does."""
    question = urllib.request.Request(f"{api}/graphql/?query=%7Bproducts%28first%3A1%29%7BtotalCount%7D%7D")
    question.add_header("Origin", origin)
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            headers, body = answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        headers, body = error.headers, error.read()
    except OSError as error:
        return f"No Vitrine answers at {api} ({error}). Start it in another terminal: make run"
    if headers.get("Access-Control-Allow-Origin") not in {origin, "*"}:
        return (
            f"Vitrine at {api} lets no browser in from {origin}. Start it with: make run CORS_ALLOWED_ORIGINS={origin}"
        )
    if b"UNAUTHENTICATED" in body:
        return (
            f"Visitors may not read the catalogue at {api} without signing in. Start it with: make run CATALOG_PUBLIC=1"
        )
    return ""


def serve() -> None:
    """The development server; PORT, HOST and VITE_VITRINE_URL choose where it is and what it asks."""
    install()
    port, host = os.environ.get("PORT") or "5173", os.environ.get("HOST") or "localhost"
    os.environ["VITE_VITRINE_URL"] = api = (os.environ.get("VITE_VITRINE_URL") or "http://localhost:8000").rstrip("/")
    shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    print(f"The storefront is at http://{shown}:{port}/ and asks Vitrine at {api}", flush=True)
    if trouble := look_at_service(api, f"http://{shown}:{port}"):
        print(f"\n  {trouble}\n  The storefront finds it then: reload the page.\n", file=sys.stderr, flush=True)
    os.chdir(STOREFRONT)
    os.execvp("npm", ["npm", "run", "--silent", "dev", "--", "--host", host, "--port", port, "--strictPort"])


def build() -> None:
    """Builds dist/ for the service of VITE_VITRINE_URL; without it, for the origin that serves the storefront."""
    install()
    npm("run", "--silent", "build")


def number_of_lines() -> int:
    """Lines of code of the storefront's own, without blank lines and comments: not what is generated, nor the lock."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = set(subprocess.run(command, cwd=STOREFRONT, capture_output=True, text=True).stdout.split("\0"))
    own = [name for name in names if re.search(r"\.(tsx?|css|html|json)$", name) and (STOREFRONT / name).exists()]
    texts = [(STOREFRONT / name).read_text() for name in own if name not in {"package-lock.json", MANIFEST.name}]
    comments = re.compile(r"^\s*(?:/\*.*?\*/|//[^\n]*|<!--.*?-->)\s*?$", re.DOTALL | re.MULTILINE)
    return sum(1 for text in texts for line in comments.sub("", text).splitlines() if line.strip())


def imported(names: set[str], how: str) -> set[str]:
    """The scripts that these import, by a pattern of what stands before the name."""
    texts = [(STOREFRONT / "dist" / "assets" / name).read_text() for name in names]
    return {name for text in texts for name in re.findall(rf"""{how}["'`]\./([\w.-]+\.js)["'`]""", text)}


def with_imports(names: set[str]) -> set[str]:
    """These scripts and all that they cannot run without."""
    while more := imported(names, r"(?:from|import)\s*") - names:
        names = names | more
    return names


def first_load_bytes() -> int:
    """Compressed bytes of script that a visit begins with, on the page that takes most."""
    page = (STOREFRONT / "dist" / "index.html").read_text()
    always = with_imports(set(re.findall(r'(?:src|href)="/assets/([^"]+\.js)"', page)))
    visits = [always, *(always | with_imports({name}) for name in imported(always, r"import\("))]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in (STOREFRONT / "dist" / "assets").glob("*.js")}
    return max(sum(sizes[name] for name in visit) for visit in visits)


def forbidden_scripts() -> list[str]:
    """The hashes of scripts inside index.html that nginx' Content-Security-Policy does not allow."""
    scripts = re.findall(r"<script>(.*?)</script>", (STOREFRONT / "dist" / "index.html").read_text(), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return [f"sha256-{digest}" for digest in hashes if digest not in NGINX.read_text()]


def check() -> None:
    """Types, documents, manifest, build and sizes. Says so where there is no Node.js; in CI that is an error."""
    if lacks := lacks_of_node():
        print(f"NOT CHECKED: examples/storefront/. {lacks} CI checks it with every change.", file=sys.stderr)
        sys.exit(bool(os.environ.get("CI")))
    manifest = MANIFEST.read_bytes()
    os.environ.pop("VITE_VITRINE_URL", None)
    build()
    lines, scripts = number_of_lines(), first_load_bytes()
    print(f"{lines} lines of code, without blank lines and comments (at most {MAX_LINES})")
    print(f"{scripts} bytes of compressed script for the first page (at most {MAX_FIRST_LOAD_BYTES})")
    faults = []
    if MANIFEST.read_bytes() != manifest:
        faults.append(f"{MANIFEST.name} was not what the sources say. It is now: commit it.")
    if lines > MAX_LINES:
        faults.append("The storefront has too many lines of code.")
    if not 0 < scripts <= MAX_FIRST_LOAD_BYTES:
        faults.append("A visit begins with too much script.")
    faults += [f"{NGINX.relative_to(ROOT)} must allow the script of index.html: {name}" for name in forbidden_scripts()]
    sys.exit("\n".join(faults) or 0)


def audit() -> None:
    """Known holes in the packages that a shopper's browser runs. What could not be asked is an error, too."""
    install()
    command = ["npm", "audit", "--omit=dev", "--loglevel=error"]
    done = subprocess.run(command, cwd=STOREFRONT, capture_output=True, text=True)
    print(done.stdout, done.stderr, end="")
    if "audit endpoint returned an error" in done.stderr:
        print("NOT AUDITED: this registry answers no audits (a mirror of packages). CI asks with every change.")
    sys.exit(done.returncode)


if __name__ == "__main__":
    try:
        {"install": install, "serve": serve, "build": build, "check": check, "audit": audit}[sys.argv[1]]()
    except KeyboardInterrupt:
        sys.exit(130)
