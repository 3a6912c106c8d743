"""What MkDocs asks for while it builds the site: the reference, and pages for what documents lead to outside of docs/.

So a link in a document is written as it works in the repository, and works on the site as well.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

from tensorgrad.reference.manual import pages
from tensorgrad.reference.operations import anchor

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")
PICTURE = re.compile(r"^(!\[[^\]]*\]\(([^)\s]+\.svg)\))$", re.MULTILINE)


def on_config(config):
    """Let headings have the names that they have in the repository, and list the reference."""
    config.mdx_configs["toc"]["slugify"] = lambda title, _: anchor(title)
    listed = [{name: f"reference/{name}.md"} for name in pages()]
    config.nav.append({"Reference": [{"Operations": "operations.md"}, *listed]})
    return config


def target(path):
    """Return the page of the site that stands for a file or folder, given by its path in the repository."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}" if path.endswith(".md") and path != "README.md" else f"source/{path}.md"


def moved(text, path):
    """Return the text of the document at `path` with its links as they are on the site, and where they lead outside."""
    outside = set()

    def link(found):
        leads = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
        if not (ROOT / leads).exists():
            return found[0]  # for MkDocs to complain of
        if not leads.startswith("docs/"):
            outside.add(leads)
        return f"{found[1]}{posixpath.relpath(target(leads), posixpath.dirname(target(path)))}{found[3] or ''}"

    return LINK.sub(link, text), outside


def shown(path):
    """Return the page for what stands at `path`: a document itself, a folder as a list, any other file as code."""
    file = ROOT / path
    if file.is_dir():
        inside = sorted(p.relative_to(file).as_posix() for p in file.rglob("*.py"))
        return f"# {path}/\n\n" + "\n".join(f"* [{name}]({posixpath.basename(path)}/{name}.md)" for name in inside)
    text = file.read_text("utf-8")
    return text if path.endswith(".md") else f"# {path}\n\n````{file.suffix[1:]}\n{text}````\n"


def on_files(files, config):
    """Add the reference, and a page for whatever a document leads to outside of docs/, and for what that leads to."""
    found = {f"reference/{name}.md": text for name, text in pages().items()}
    left = {"CONTRIBUTING.md", "README.md"}
    for page in (ROOT / "docs").glob("*.md"):
        left |= moved(page.read_text("utf-8"), f"docs/{page.name}")[1]
    while left:
        path = left.pop()
        text = shown(path)
        if path.endswith(".md"):
            text, more = moved(text, path)
            left |= {other for other in more if target(other) not in found}
        if (ROOT / path).is_dir():
            inside = {p.relative_to(ROOT).as_posix() for p in (ROOT / path).rglob("*.py")}
            left |= {other for other in inside if target(other) not in found}
        found[target(path)] = text
    for uri, text in found.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown, page, **_):
    """Lead links where they lead on the site, and every picture to itself, where it can be pointed at."""
    if page.file.generated_by:
        return markdown
    return PICTURE.sub(r"[\1](\2)", moved(markdown, f"docs/{page.file.src_uri}")[0])
