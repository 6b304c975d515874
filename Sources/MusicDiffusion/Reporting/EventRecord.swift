import Checksums
package import Foundation

/// What an event file of TensorBoard consists of: `tensorflow.Event` of tensorflow/core/util/event.proto
/// with the `Summary` of tensorflow/core/framework/summary.proto, in the frame of a TFRecord.
package struct EventRecord {
  package enum Content {
    /// The first record of a file.
    case fileVersion
    /// The run goes on at this record's step: whatever earlier files say from there on is forgotten.
    case restart
    case values([(tag: String, value: Value)])
  }

  package enum Value {
    case scalar(Float)
    case picture(png: Data, width: Int, height: Int)
    /// A sound as a WAV file.
    case sound(wav: Data, sampleRate: Int, channels: Int, samples: Int)
  }

  /// Seconds since 1970.
  package var time: Double
  package var step: Int
  package var content: Content

  package init(time: Double, step: Int, content: Content) {
    (self.time, self.step, self.content) = (time, step, content)
  }

  /// The message `Event`.
  package var message: Data {
    var event = ProtobufWriter()
    event.double(1, time)
    event.integer(2, step)
    switch content {
    case .fileVersion: event.string(3, "brain.Event:2")
    case .restart: event.message(7) { $0.integer(1, 1) }  // SessionLog.START
    case .values(let values):
      event.message(5) { summary in
        for (tag, value) in values {
          summary.message(1) { Self.write(value, tag: tag, to: &$0) }
        }
      }
    }
    return event.data
  }

  private static func write(_ value: Value, tag: String, to summary: inout ProtobufWriter) {
    summary.string(1, tag)
    switch value {
    case .scalar(let number): summary.float(2, number, always: true)
    case .picture(let png, let width, let height):
      summary.message(4) { picture in
        picture.integer(1, height)
        picture.integer(2, width)
        picture.integer(3, 3)  // RGB
        picture.bytes(4, png)
      }
    case .sound(let wav, let sampleRate, let channels, let samples):
      summary.message(6) { sound in
        sound.float(1, Float(sampleRate))
        sound.integer(2, channels)
        sound.integer(3, samples)
        sound.bytes(4, wav)
        sound.string(5, "audio/wav")
      }
    }
  }

  /// The message in a TFRecord: its length, that length's checksum, the message, its checksum
  /// (tensorflow/core/lib/io/record_writer.h).
  package var framed: Data {
    let message = message
    var record = Data()
    record.append(littleEndian: UInt64(message.count))
    record.append(littleEndian: Self.maskedChecksum(record))
    record.append(message)
    record.append(littleEndian: Self.maskedChecksum(message))
    return record
  }

  /// CRC-32C, turned and shifted, so that a checksum of data that holds checksums is a good one
  /// (tensorflow/core/lib/hash/crc32c.h).
  package static func maskedChecksum(_ data: Data) -> UInt32 {
    let sum = CRC32C.of(data)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
