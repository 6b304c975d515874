import Audio
import Corpus
import Foundation
import Spectro
import Testing

/// What `metadata.csv` and text files say about a folder's sounds, as a prepared set has it.
@Suite struct MetadataTests {
  /// A folder of these files with a second of sound each.
  private func with<R>(_ names: [String], table: String?, _ body: (URL) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      for (index, name) in names.enumerated() {
        try (folder / "data").write(music(seconds: 0.2, seed: UInt64(index)), to: name)
      }
      if let table { try (folder / "data").write(table, to: "metadata.csv") }
      return try body(folder)
    }
  }

  private func prepare(_ folder: URL) throws -> PreparedSet {
    try Preparation(
      folder: AudioFolder((folder / "data").path), channels: 1,
      settings: SpectrogramSettings(sampleRate: 22050, melBins: 32), output: folder / "set"
    ).run().set
  }

  private func summary(_ folder: URL) throws -> MetadataSummary? {
    try FolderMetadata(of: AudioFolder((folder / "data").path))?.summary
  }

  /// The first clip's caption and numbers, of a table with the columns file, caption and tempo.
  private func first(_ table: String) throws -> (String?, [Float]) {
    try with(["a.wav"], table: table) { folder in
      let set = try prepare(folder)
      return (try set.caption(of: 0), try set.numbers(of: 0))
    }
  }

  @Test(arguments: [
    "file,caption,tempo\na.wav,slow,90\n",
    // Without an end of the last line; with CRLF, with CR, with a byte order mark, and blank lines.
    "file,caption,tempo\na.wav,slow,90", "file,caption,tempo\r\na.wav,slow,90\r\n",
    "file,caption,tempo\ra.wav,slow,90\r", "\u{FEFF}file,caption,tempo\n\n\na.wav,slow,90\n,,\n\n",
    // Quotes that are not needed, spaces, upper case, other orders and names.
    "\"file\",\"caption\",\"tempo\"\n\"a.wav\",\"slow\",\"90\"\n",
    "File , Caption, TEMPO\n a.wav ,  slow, 90 \n", "tempo,text,file_name\n90,slow,a.wav\n",
    "path,tempo,caption\n./a.wav,9e1,slow\n", "filename,tempo,caption\ndata/a.wav,+90.0,slow\n",
    // Semicolons and tabs, with which a comma may be in a number.
    "file;caption;tempo\na.wav;slow;90,0\n", "file\tcaption\ttempo\na.wav\tslow\t90\n",
    // An index without a name, a row that is too short elsewhere, text that is no number.
    ",file,caption,tempo,key\n0,a.wav,slow,90,C major\n1,b.wav\n",
  ])
  func readsTables(_ table: String) throws {
    let (caption, numbers) = try first(table)
    #expect(caption == "slow" && numbers == [90])
  }

  @Test func readsQuotedText() throws {
    let captions = [
      ("\"slow, dark\"", "slow, dark"), ("\"a \"\"warm\"\" pad\"", "a \"warm\" pad"),
      ("\"two\r\nlines\nand  more\"", "two lines and more"), ("\"\"\"\"", "\""),
      ("rock \"n\" roll", "rock \"n\" roll"), ("  \"quoted\" ", "quoted"), ("日本の太鼓 🥁", "日本の太鼓 🥁"),
      ("\"; and\ttabs\"", "; and tabs"),
    ]
    for (cell, expected) in captions {
      let (caption, numbers) = try first("file,caption,tempo\na.wav,\(cell),90\n")
      #expect(caption == expected && numbers == [90], "\(cell)")
    }
  }

  /// What is empty, or said to be, is unknown; one word makes a column text.
  @Test func missingValuesAreUnknown() throws {
    let cells = ["", "NA", "n/a", "NaN", "null", "-", "?", "unknown"]
    let names = (0...cells.count).map { "\($0).wav" }
    let rows = zip(names, cells).map { "\($0),\($1),\($1)\n" }.joined()
    let table = "file,tempo,key\n" + rows + "\(cells.count).wav,-1.5e2,C\n"
    try with(names, table: table) { folder in
      let set = try prepare(folder)
      for clip in cells.indices { #expect(try set.numbers(of: clip)[0].isNaN) }
      #expect(try set.numbers(of: cells.count) == [-150])
      let summary = try #require(set.metadataSummary)
      #expect(
        summary.numbers == [.init(name: "tempo", known: 1, minimum: -150, maximum: -150)])
      #expect(
        summary.ignoredColumns == [
          .init(name: "key", reason: "line 10 has \"C\", which is no number")
        ])
      #expect(set.tokenizer == nil && summary.captions == 0)
    }
    for odd in ["inf", "0x10", "1e999", "1_000", "120 bpm", "1,5"] {
      try with(["a.wav"], table: "file,x,tempo\na.wav,1,\"\(odd)\"\n") { folder in
        let summary = try prepare(folder).metadataSummary
        #expect(summary?.numbers.map(\.name) == ["x"], "\(odd)")
      }
    }
  }

  /// The errors name the line.
  @Test func unusableTablesAreErrors() throws {
    let tables: [(Data, String)] = [
      (Data(), "line 1: it is empty"), (Data("\n\n".utf8), "line 1: it is empty"),
      (
        Data("name,tempo\na.wav,1\n".utf8),
        "line 1: it has no column file, file_name or path that says which file a row is about; "
          + "rename the table if it is not meant for compose"
      ),
      (Data("file,x,X\n".utf8), "line 1: it has two columns x"),
      (
        Data("file,caption\na.wav,dark, slow\n".utf8),
        "line 2: it has more cells than the first line: put quotes around a text that holds commas"
      ),
      (
        Data("file,caption\n\na.wav,\"dark\nb.wav,slow\n".utf8),
        "line 3: a quote is opened and not closed"
      ),
      (
        Data("file,caption\na.wav,caf".utf8) + [0xE9, 0x0A],
        "line 2: it is not UTF-8: save it as UTF-8"
      ),
      (Data([0xFF, 0xFE, 0x66, 0]), "line 1: it is UTF-16: save it as UTF-8"),
      (
        Data(("file," + (0..<65).map { "n\($0)" }.joined(separator: ",") + "\na.wav").utf8)
          + Data(String(repeating: ",1", count: 65).utf8),
        "line 1: it has 65 columns of numbers, and a model takes 64"
      ),
    ]
    for (table, reason) in tables {
      try with(["a.wav"], table: nil) { folder in
        let file = folder / "data/metadata.csv"
        try table.write(to: file)
        let error = #expect(throws: CorpusError.self) { try summary(folder) }
        #expect(error?.description == "cannot read \(file.path), \(reason)")
        // The doctor goes on.
        let found = try Inspection(of: AudioFolder((folder / "data").path))
        #expect(found.files.count == 1 && found.metadataProblem == error?.description)
        #expect(found.advice[0].hasPrefix("Mend metadata.csv"))
      }
    }
  }

  /// Rows without a file, files without a row, files with two; however a path's accents are written.
  @Test func rowsFindTheirFiles() throws {
    let names = ["a.wav", "b/c.wav", "b/caf\u{E9}.wav", "lost.wav"]
    let table = """
      file,tempo
      a.wav,1
      b\\c.wav,2
      b/cafe\u{301}.wav,3
      gone.wav,4
      a.wav,5
      A.wav,6
      """
    try with(names, table: table) { folder in
      let set = try prepare(folder)
      #expect(try (0..<3).map { try set.numbers(of: $0) } == [[5], [2], [3]])
      #expect(try set.numbers(of: 3)[0].isNaN)
      let summary = try #require(try summary(folder))
      #expect(summary == set.metadataSummary)
      #expect(summary.rows == 6)
      #expect(summary.rowsWithoutFile.names == ["line 5: gone.wav", "line 7: A.wav"])
      #expect(summary.filesWithoutRow.names == ["lost.wav"])
      #expect(summary.filesWithRows.names == ["a.wav"])
      #expect(
        summary.numbers == [.init(name: "tempo", known: 3, minimum: 2, maximum: 5)])
      let found = try Inspection(of: AudioFolder((folder / "data").path))
      #expect(found.metadata == summary)
      #expect(found.advice.contains { $0.hasPrefix("2 rows of metadata.csv name no file") })
      #expect(found.advice.contains { $0.hasPrefix("1 file without a row") })
    }
  }

  /// A text file beside a sound is its caption where the table has none.
  @Test func textFilesAreCaptions() throws {
    let names = ["a.wav", "b.wav", "c/d.flac", "e.wav", "f.wav", "g.wav"]
    let table = "file,caption\na.wav,from the table\nb.wav,\n"
    try with(names, table: table) { folder in
      let data = folder / "data"
      try data.write("not this", to: "a.txt")
      try data.write("\u{FEFF}from a\r\n text\t file\n", to: "b.txt")
      try data.write("deep", to: "c/d.txt")
      try Data([0x63, 0xE9]).write(to: data / "e.txt")
      try data.write(" \n", to: "f.txt")
      try data.write("unrelated", to: "readme.txt")
      let set = try prepare(folder)
      #expect(
        try (0..<6).map(set.caption(of:)) == [
          "from the table", "from a text file", "deep", nil, nil, nil,
        ])
      let summary = try #require(set.metadataSummary)
      #expect(summary.captions == 3 && summary.captionFiles == 2)
      #expect(summary.unreadableTexts.names == ["e.txt"])
      // Without any table, too.
      try FileManager.default.removeItem(at: data / "metadata.csv")
      #expect(try prepare(folder).caption(of: 0) == "not this")
    }
    try with(["a.wav"], table: nil) { folder in
      let set = try prepare(folder)
      #expect(set.metadataSummary == nil)
      let summary = try summary(folder)
      #expect(summary == nil)
    }
  }

  /// Captions of any length are kept as far as they can matter, and named.
  @Test func longCaptionsAreCut() throws {
    let long = String(repeating: "très ", count: 5000)
    try with(["a.wav", "b.wav"], table: "file,caption\na.wav,\(long)\nb.wav,short\n") { folder in
      let set = try prepare(folder)
      let caption = try #require(try set.caption(of: 0))
      #expect(caption.utf8.count <= 8192 && caption.hasPrefix("très très"))
      #expect(set.metadataSummary?.longCaptions.names == ["a.wav"])
      let (tokens, isCut) = try #require(set.tokenizer).tokens(of: long)
      #expect(tokens.count == 128 && isCut)
    }
  }

  /// When only what is said has changed, the sound is not decoded anew, and the fingerprint is another;
  /// without metadata the set is what it always was.
  @Test func metadataChangesAlone() throws {
    try with(["a.wav", "b.wav"], table: nil) { folder in
      let plain = try prepare(folder)
      let shard = folder / "set/shards/000000.pcm"
      func date() throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: shard.path)[.modificationDate] as? Date
      }
      let before = try date()
      #expect(!plain.fingerprint.contains("-"))
      var fingerprints = Set([plain.fingerprint])
      for table in ["file,caption\na.wav,one\n", "file,caption\na.wav,two\n", "file,x\nb.wav,1\n"] {
        try (folder / "data").write(table, to: "metadata.csv")
        let set = try prepare(folder)
        #expect(fingerprints.insert(set.fingerprint).inserted)
        #expect(set.fingerprint.hasPrefix(plain.fingerprint))
        #expect(try set.fingerprint == PreparedSet(folder / "set").fingerprint)
      }
      #expect(try PreparedSet(folder / "set").numbers(of: 1) == [1])
      try FileManager.default.removeItem(at: folder / "data/metadata.csv")
      #expect(try prepare(folder).fingerprint == plain.fingerprint)
      #expect(try date() == before)
    }
  }

  /// Whatever byte is damaged, the set is refused; so is one of a later version.
  @Test func damagedMetadataIsAnError() throws {
    try with(["a.wav"], table: "file,caption,x\na.wav,soft,1\n") { folder in
      let set = try prepare(folder)
      let file = folder / "set/metadata.compose"
      let whole = try Data(contentsOf: file)
      for position in stride(from: 0, to: whole.count, by: 5) {
        var damaged = whole
        damaged[position] ^= 0x10
        try damaged.write(to: file)
        let error = #expect(throws: CorpusError.self) { try PreparedSet(folder / "set") }
        #expect(error?.description.contains("its metadata") == true)
      }
      for length in [0, 10, 24, whole.count - 1] {
        try whole.prefix(length).write(to: file)
        #expect(throws: CorpusError.self) { try PreparedSet(folder / "set") }
      }
      try whole.write(to: file)
      #expect(try PreparedSet(folder / "set").fingerprint == set.fingerprint)
    }
  }
}
