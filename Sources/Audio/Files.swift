import CSndfile
import Glibc

/// Throws what keeps a path from being read, told apart before libsndfile, which does not.
func checkReadable(_ path: String) throws {
  var status = stat()
  guard stat(path, &status) == 0 else {
    throw errno == ENOENT || errno == ENOTDIR
      ? AudioError.notFound(path: path)
      : .unreadable(path: path, reason: systemReason())
  }
  if status.st_mode & S_IFMT == S_IFDIR { throw AudioError.directory(path: path) }
  // Endless, such as /dev/zero, or not to be opened by name.
  guard [S_IFREG, S_IFIFO].contains(status.st_mode & S_IFMT) else {
    throw AudioError.unreadable(path: path, reason: "neither a regular file nor a pipe")
  }
  if faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0 {
    throw AudioError.unreadable(path: path, reason: systemReason())
  }
  if status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 {
    throw AudioError.empty(path: path)
  }
}

/// Why the system has just refused something.
func systemReason() -> String {
  errno == ELOOP ? "its symbolic links lead around in a circle" : String(cString: strerror(errno))
}

/// Why `sf_open` has just refused a readable file.
func openingError(_ path: String) -> AudioError {
  let reason = String(cString: sf_strerror(nil))
  // So it says of what is an MP3 by its name only; that the file is there has been checked.
  if reason.hasPrefix("File does not exist") { return .notAudio(path: path) }
  return switch Int(sf_error(nil)) {
  case SF_ERR_UNRECOGNISED_FORMAT: .notAudio(path: path)
  case SF_ERR_SYSTEM: .unreadable(path: path, reason: reason)
  default: .unsupported(path: path, reason: reason)
  }
}

/// Container and encoding in words.
func describeFormat(_ format: Int32) -> String {
  [SF_FORMAT_TYPEMASK, SF_FORMAT_SUBMASK].map { mask in
    var info = SF_FORMAT_INFO()
    info.format = format & Int32(mask)
    sf_command(
      nil, Int32(SFC_GET_FORMAT_INFO), &info, Int32(MemoryLayout<SF_FORMAT_INFO>.size))
    return info.name.map { String(cString: $0) } ?? "unknown"
  }.joined(separator: ", ")
}

/// Bits of an integer sample of libsndfile's format; nil for floating point and lossy encodings.
func bitsOfIntegers(_ format: Int32) -> Int? {
  switch Int(format) & SF_FORMAT_SUBMASK {
  case SF_FORMAT_PCM_S8, SF_FORMAT_PCM_U8: 8
  case SF_FORMAT_PCM_16, SF_FORMAT_ALAC_16: 16
  case SF_FORMAT_ALAC_20: 20
  case SF_FORMAT_PCM_24, SF_FORMAT_ALAC_24: 24
  case SF_FORMAT_PCM_32, SF_FORMAT_ALAC_32: 32
  default: nil
  }
}

/// Whether no sample is infinite or not a number, told from the exponents.
func allFinite(_ samples: UnsafeBufferPointer<Float>) -> Bool {
  var nonFinite: UInt32 = 0
  for sample in samples {
    nonFinite |= sample.bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
  }
  return nonFinite == 0
}
