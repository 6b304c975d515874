package import Foundation

/// A page that holds all it needs: no other file, no network, no script.
package struct HTMLPage {
  package var title: String
  package var body: String

  package init(title: String, body: String) { (self.title, self.body) = (title, body) }

  package var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escaped(title))</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    \(body)
    </main>
    </body>
    </html>

    """
  }

  /// A heading with what stands below it.
  package static func section(_ heading: String, _ body: String) -> String {
    "<section>\n<h2>\(escaped(heading))</h2>\n\(body)\n</section>"
  }

  /// Names and values; values are HTML.
  package static func table(_ rows: [(name: String, value: String)]) -> String {
    let lines = rows.map { "<tr><th>\(escaped($0.name))</th><td>\($0.value)</td></tr>" }
    return "<table>\n\(lines.joined(separator: "\n"))\n</table>"
  }

  /// - Parameter part: of the full length, 0 to 1.
  package static func bar(_ part: Double) -> String {
    "<span class=\"bar\"><i style=\"width:\(Int((min(max(part, 0), 1) * 100).rounded()))%\"></i></span>"
  }

  package static func image(png: Data, alternative: String) -> String {
    "<img src=\"data:image/png;base64,\(png.base64EncodedString())\" alt=\"\(escaped(alternative))\">"
  }

  package static func player(mp3: Data) -> String {
    "<audio controls preload=\"none\" src=\"data:audio/mpeg;base64,\(mp3.base64EncodedString())\"></audio>"
  }

  private static let style = """
    :root {
      --paper: #fbfaf8; --card: #ffffff; --ink: #1f1d24; --faint: #6d6976; --rule: #e6e2dc;
      --main: #6a2c91; --other: #d9730d;
      --s1: #e8930c; --s2: #dd5745; --s3: #b0367a; --s4: #6a2c91; --s5: #2d2f78;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #151318; --card: #1e1b22; --ink: #ece9f0; --faint: #9d97a8; --rule: #332f3a;
        --main: #c39bf0; --other: #ffb35c;
        --s1: #ffc46b; --s2: #ff8b6b; --s3: #ec6fab; --s4: #b48bf2; --s5: #86a0ff;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink);
      font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    main { max-width: 1060px; margin: 0 auto; padding: 40px 24px 64px; }
    h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
    h2 { font-size: 19px; margin: 0 0 12px; }
    h3 { font-size: 15px; margin: 22px 0 6px; }
    p { margin: 6px 0 12px; max-width: 72ch; }
    .lead, .note, .none, figcaption { color: var(--faint); }
    .note, figcaption { font-size: 14px; }
    section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px;
      padding: 22px 24px; margin-top: 20px; }
    .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px;
      margin-top: 22px; }
    .facts div { background: var(--card); border: 1px solid var(--rule); border-radius: 12px;
      padding: 12px 16px; }
    .facts b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
    .facts span { color: var(--faint); font-size: 13px; }
    .gallery { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
    .small { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
    figure { margin: 0; }
    figure img { display: block; width: 100%; height: auto; border-radius: 8px; }
    .gallery img { height: 170px; }
    img.wide { display: block; max-width: 100%; height: auto; border-radius: 8px; }
    audio { display: block; width: 100%; height: 36px; margin-top: 8px; }
    svg { display: block; width: 100%; height: auto; }
    svg text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
      font-variant-numeric: tabular-nums; }
    svg .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
    svg .tick { fill: var(--faint); }
    svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
    svg .name { font-size: 13px; }
    svg .value { font-weight: 600; }
    .line.main, .dot.main { stroke: var(--main); } .name.main, .dot.main { fill: var(--main); }
    .line.other, .dot.other { stroke: var(--other); } .name.other, .dot.other { fill: var(--other); }
    .line.s1, .dot.s1 { stroke: var(--s1); } .name.s1, .dot.s1 { fill: var(--s1); }
    .line.s2, .dot.s2 { stroke: var(--s2); } .name.s2, .dot.s2 { fill: var(--s2); }
    .line.s3, .dot.s3 { stroke: var(--s3); } .name.s3, .dot.s3 { fill: var(--s3); }
    .line.s4, .dot.s4 { stroke: var(--s4); } .name.s4, .dot.s4 { fill: var(--s4); }
    .line.s5, .dot.s5 { stroke: var(--s5); } .name.s5, .dot.s5 { fill: var(--s5); }
    table { border-collapse: collapse; width: 100%; font-size: 15px; }
    th { text-align: left; font-weight: 400; color: var(--faint); width: 34%; }
    th, td { padding: 6px 8px 6px 0; border-top: 1px solid var(--rule); vertical-align: top; }
    tr:first-child th, tr:first-child td { border-top: 0; }
    table.figures { display: block; overflow-x: auto; }
    table.figures th, table.figures td { width: auto; padding-right: 18px; white-space: nowrap; }
    table.figures td, table.figures tr:first-child th { text-align: right;
      font-variant-numeric: tabular-nums; }
    .bar { display: inline-block; width: 160px; max-width: 40%; height: 8px; border-radius: 4px;
      background: var(--rule); margin-right: 10px; vertical-align: middle; overflow: hidden; }
    .bar i { display: block; height: 100%; background: var(--main); }
    summary { cursor: pointer; margin-top: 18px; }
    svg .faint { stroke-width: 1; opacity: 0.35; }
    ul { margin: 0; padding-left: 20px; } li { margin: 6px 0; max-width: 76ch; }
    """
}

/// Text for HTML, in elements and in attributes.
package func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;")
}
