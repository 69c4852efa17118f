#!/usr/bin/python3
"""page.py FOLDER: writes a page with 200 assets. Its title says how many of them a browser has put to use."""

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
page = ['<!doctype html><meta charset="utf-8"><title>nothing yet</title><script>var loaded = 0</script>']
for i in range(50):
    (folder / f"{i}.css").write_text(f"#box{i} {{ width: {100 + i}px }}")
    page.append(f'<link rel="stylesheet" href="{i}.css"><div class="box" id="box{i}"></div>')
for i in range(100):
    (folder / f"{i}.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{i + 1}" height="1"/>')
    page.append(f'<img src="{i}.svg">')
for i in range(50):
    (folder / f"{i}.js").write_text("loaded += 1;")
    page.append(f'<script src="{i}.js"></script>')
page.append("""<script>
addEventListener("load", () => {
  const sheets = [...document.querySelectorAll(".box")].filter((box, i) => box.offsetWidth === 100 + i).length;
  const images = [...document.images].filter((image, i) => image.naturalWidth === i + 1).length;
  document.title = `${loaded} scripts, ${sheets} sheets, ${images} images`;
});
</script>""")
(folder / "index.html").write_text("\n".join(page))
