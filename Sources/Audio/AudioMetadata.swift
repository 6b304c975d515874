import CSndfile
import Foundation

/// What a file says about its sound.
///
/// Texts may hold any characters but NUL, up to `maximumTextLength` bytes of UTF-8 each; one that is
/// empty counts as none. What a file format has no place for is left out:
///
/// |               | WAV | AIFF | FLAC | Vorbis, Opus | MP3 |
/// | ------------- | --- | ---- | ---- | ------------ | --- |
/// | title, artist, comment | yes | yes | yes | yes | yes |
/// | software      | yes | yes | yes | yes | yes |
/// | copyright     | yes | ASCII only | yes | yes | yes |
/// | album, date, genre, trackNumber | yes | – | yes | yes | yes |
/// | license       | –   | –    | yes  | yes          | –   |
/// | loops, markers, beatsPerMinute, beatsPerBar | yes | – | – | – | – |
///
/// RF64, which is WAV for more than 4 GB or for a length that is not known before, has the texts
/// alone.
public struct AudioMetadata: Codable, Equatable, Sendable {
  public var title, artist, album, date, genre, trackNumber: String?
  public var comment, copyright, license, software: String?
  /// Parts to play again and again, as a sampler does; at most 16 in a file.
  public var loops: [Loop]
  /// Places in the sound; at most 100 in a file.
  public var markers: [Int]
  /// Tempo, in quarter notes a minute.
  public var beatsPerMinute: Double?
  /// Quarter notes of a bar; nil for four. Kept beside a tempo alone.
  public var beatsPerBar: Int?

  public struct Loop: Codable, Equatable, Sendable {
    public enum Direction: String, Codable, Sendable { case forward, backward, alternating }

    public var direction: Direction
    /// The first sample, counted from 0.
    public var start: Int
    /// The sample after the last.
    public var end: Int
    /// How often to play it; 0 for without end.
    public var count: Int

    public init(direction: Direction = .forward, start: Int, end: Int, count: Int = 0) {
      self.direction = direction
      self.start = start
      self.end = end
      self.count = count
    }
  }

  /// Bytes of UTF-8 that a text may have.
  public static let maximumTextLength = 2000

  public init(
    title: String? = nil, artist: String? = nil, album: String? = nil, date: String? = nil,
    genre: String? = nil, trackNumber: String? = nil, comment: String? = nil,
    copyright: String? = nil, license: String? = nil, software: String? = nil, loops: [Loop] = [],
    markers: [Int] = [], beatsPerMinute: Double? = nil, beatsPerBar: Int? = nil
  ) {
    self.title = title
    self.artist = artist
    self.album = album
    self.date = date
    self.genre = genre
    self.trackNumber = trackNumber
    self.comment = comment
    self.copyright = copyright
    self.license = license
    self.software = software
    self.loops = loops
    self.markers = markers
    self.beatsPerMinute = beatsPerMinute
    self.beatsPerBar = beatsPerBar
  }

  /// The texts, with their names and libsndfile's.
  private static var texts: [(WritableKeyPath<AudioMetadata, String?>, name: String, key: Int)] {
    [
      (\.title, "title", SF_STR_TITLE), (\.artist, "artist", SF_STR_ARTIST),
      (\.album, "album", SF_STR_ALBUM), (\.date, "date", SF_STR_DATE),
      (\.genre, "genre", SF_STR_GENRE), (\.trackNumber, "track number", SF_STR_TRACKNUMBER),
      (\.comment, "comment", SF_STR_COMMENT), (\.copyright, "copyright", SF_STR_COPYRIGHT),
      (\.license, "license", SF_STR_LICENSE), (\.software, "software", SF_STR_SOFTWARE),
    ]
  }
}

extension AudioMetadata {
  /// What an open file says.
  init(of sound: OpaquePointer) {
    self.init()
    for (text, _, key) in Self.texts {
      guard let bytes = sf_get_string(sound, Int32(key)), bytes.pointee != 0 else { continue }
      // Old tags are in Latin 1 without a word.
      self[keyPath: text] =
        String(validatingCString: bytes)
        ?? String(
          String.UnicodeScalarView(
            UnsafeBufferPointer(start: bytes, count: strlen(bytes)).map {
              Unicode.Scalar(UInt8(bitPattern: $0))
            }))
    }
    // libsndfile adds its own name to that of the program that writes.
    if let name = software, name.hasSuffix(")"),
      let own = name.range(of: " (libsndfile-", options: .backwards)
    {
      software = String(name[..<own.lowerBound])
    }
    var instrument = Instrument()
    if sf_command(
      sound, Int32(SFC_GET_INSTRUMENT), &instrument.words, Int32(MemoryLayout<SF_INSTRUMENT>.size))
      != 0
    {
      loops = instrument.loops
    }
    var info = SF_LOOP_INFO()
    if sf_command(sound, Int32(SFC_GET_LOOP_INFO), &info, Int32(MemoryLayout<SF_LOOP_INFO>.size))
      != 0, info.bpm.isFinite, info.bpm > 0
    {
      beatsPerMinute = Double(info.bpm)
      if info.time_sig_num > 0, info.time_sig_num != 4 { beatsPerBar = Int(info.time_sig_num) }
    }
    var cues = SF_CUES()
    if sf_command(sound, Int32(SFC_GET_CUE), &cues, Int32(MemoryLayout<SF_CUES>.size)) != 0 {
      markers = withUnsafeBytes(of: &cues.cue_points) { bytes in
        bytes.bindMemory(to: SF_CUE_POINT.self)
          .prefix(Int(min(cues.cue_count, 100))).map { Int($0.sample_offset) }
      }
    }
  }

  /// Gives all that its format has a place for to a file that is open for writing.
  ///
  /// - Parameters:
  ///   - isWAV: only there libsndfile writes the tempo, as Sonic Foundry's `acid` chunk.
  ///   - beats: quarter notes in the file; 0 where that is not known.
  func write(to sound: OpaquePointer, isWAV: Bool, beats: UInt32) {
    for (text, _, key) in Self.texts {
      if let text = self[keyPath: text], !text.isEmpty { sf_set_string(sound, Int32(key), text) }
    }
    if !loops.isEmpty {
      var instrument = Instrument()
      instrument.loops = loops
      sf_command(
        sound, Int32(SFC_SET_INSTRUMENT), &instrument.words,
        Int32(MemoryLayout<SF_INSTRUMENT>.size))
    }
    if !markers.isEmpty {
      var cues = SF_CUES()
      cues.cue_count = UInt32(markers.count)
      withUnsafeMutableBytes(of: &cues.cue_points) { bytes in
        for (index, marker) in markers.enumerated() {
          var cue = SF_CUE_POINT()
          cue.indx = Int32(index + 1)
          cue.position = UInt32(marker)
          cue.sample_offset = UInt32(marker)
          cue.fcc_chunk = Int32(0x6174_6164)  // "data"
          bytes.storeBytes(
            of: cue, toByteOffset: index * MemoryLayout<SF_CUE_POINT>.stride, as: SF_CUE_POINT.self)
        }
      }
      sf_command(sound, Int32(SFC_SET_CUE), &cues, Int32(MemoryLayout<SF_CUES>.size))
    }
    if let beatsPerMinute, isWAV { writeTempo(Float(beatsPerMinute), beats: beats, to: sound) }
  }

  /// The `acid` chunk: flags, root note, two fields of no known meaning, beats, meter, tempo.
  private func writeTempo(_ tempo: Float, beats: UInt32, to sound: OpaquePointer) {
    let meter = UInt32(beatsPerBar ?? 4) << 16 | 4
    let words: [UInt32] = [0, 0x8000_003C, 0, beats, meter, tempo.bitPattern]
    var bytes = words.flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    bytes.withUnsafeMutableBytes { bytes in
      var chunk = SF_CHUNK_INFO()
      withUnsafeMutableBytes(of: &chunk.id) { $0.copyBytes(from: "acid".utf8) }
      chunk.id_size = 4
      chunk.datalen = UInt32(bytes.count)
      chunk.data = bytes.baseAddress
      sf_set_chunk(sound, &chunk)
    }
  }

  /// Why this cannot be written to any file; nil if it can.
  var defect: String? {
    for (text, name, _) in Self.texts {
      guard let text = self[keyPath: text] else { continue }
      if text.utf8.count > Self.maximumTextLength {
        return "its \(name) has \(text.utf8.count) bytes, more than \(Self.maximumTextLength)"
      }
      if text.utf8.contains(0) { return "its \(name) holds a NUL character" }
    }
    if loops.count > 16 { return "\(loops.count) loops, more than 16" }
    if markers.count > 100 { return "\(markers.count) markers, more than 100" }
    let places = 0..<Int(UInt32.max)
    let loopsAreGood = loops.allSatisfy {
      places.contains($0.start) && places.contains($0.end) && $0.start < $0.end
        && places.contains($0.count)
    }
    if !loopsAreGood { return "a loop has no length or begins before the sound" }
    if !markers.allSatisfy(places.contains) { return "a marker lies before the sound" }
    if let beatsPerMinute, !(beatsPerMinute > 0 && beatsPerMinute <= 10_000) {
      return "\(beatsPerMinute) beats a minute is no tempo"
    }
    if let beatsPerBar, !(1...1000).contains(beatsPerBar) {
      return "\(beatsPerBar) beats are no bar"
    }
    return nil
  }
}

/// `SF_INSTRUMENT` in words of 32 bits, because Swift does not see its nameless struct of a loop:
/// gain; base note, detune and lowest and highest velocity; lowest and highest key; number of loops;
/// and 16 times mode, start, end and count.
private struct Instrument {
  var words: [UInt32] = [1, 0x7F00_003C, 0x7F00, 0] + [UInt32](repeating: 0, count: 64)

  private static let modes: [(direction: AudioMetadata.Loop.Direction, mode: UInt32)] = [
    (.forward, UInt32(SF_LOOP_FORWARD)), (.backward, UInt32(SF_LOOP_BACKWARD)),
    (.alternating, UInt32(SF_LOOP_ALTERNATING)),
  ]

  var loops: [AudioMetadata.Loop] {
    get {
      (0..<Int(min(words[3], 16))).compactMap { index in
        let loop = words[(4 + 4 * index)...].prefix(4).map { Int($0) }
        return Self.modes.first { $0.mode == loop[0] }.map {
          AudioMetadata.Loop(direction: $0.direction, start: loop[1], end: loop[2], count: loop[3])
        }
      }
    }
    set {
      words[3] = UInt32(newValue.count)
      for (index, loop) in newValue.enumerated() {
        let mode = Self.modes.first { $0.direction == loop.direction }?.mode ?? 0
        words.replaceSubrange(
          (4 + 4 * index)..<(8 + 4 * index),
          with: [mode, UInt32(loop.start), UInt32(loop.end), UInt32(loop.count)])
      }
    }
  }
}
