import CTorch

// Dimensions count from 0, or back from -1, the last.

extension Tensor {
  /// The same elements in another shape; one dimension may be -1, which is then worked out.
  public func reshape(_ shape: [Int]) throws -> Tensor {
    let sizes = shape.map(Int64.init)
    return try .make("reshape to \(shape)", keeping: self) {
      ct_reshape(pointer, sizes, Int64(sizes.count), $0)
    }
  }

  /// A view with dimensions of size 1 repeated; -1 keeps a dimension.
  public func expand(_ shape: [Int]) throws -> Tensor {
    let sizes = shape.map(Int64.init)
    return try .make("expand to \(shape)", keeping: self) {
      ct_expand(pointer, sizes, Int64(sizes.count), $0)
    }
  }

  /// A view with dimension `i` taken from `dimensions[i]`.
  public func permute(_ dimensions: [Int]) throws -> Tensor {
    let order = dimensions.map(Int64.init)
    return try .make("permute \(dimensions)", keeping: self) {
      ct_permute(pointer, order, Int64(order.count), $0)
    }
  }

  /// A view with two dimensions exchanged.
  public func transpose(_ first: Int, _ second: Int) throws -> Tensor {
    try .make("transpose \(first), \(second)", keeping: self) {
      ct_transpose(pointer, Int64(first), Int64(second), $0)
    }
  }

  /// A view with a dimension of size 1 put in at `dimension`.
  public func unsqueeze(_ dimension: Int) throws -> Tensor {
    try .make("unsqueeze \(dimension)", keeping: self) {
      ct_unsqueeze(pointer, Int64(dimension), $0)
    }
  }

  /// A view without `dimension`, if its size is 1.
  public func squeeze(_ dimension: Int) throws -> Tensor {
    try .make("squeeze \(dimension)", keeping: self) {
      ct_squeeze(pointer, Int64(dimension), $0)
    }
  }

  /// A view of elements `start ..< start + length` of a dimension.
  public func narrow(dimension: Int, start: Int, length: Int) throws -> Tensor {
    try .make("narrow dimension \(dimension) to \(start)..<\(start + length)", keeping: self) {
      ct_narrow(pointer, Int64(dimension), Int64(start), Int64(length), $0)
    }
  }

  /// The elements of a dimension at `indices`, an int64 tensor `[n]`.
  public func indexSelect(dimension: Int, indices: Tensor) throws -> Tensor {
    try .make("index select", keeping: self, indices) {
      ct_index_select(pointer, Int64(dimension), indices.pointer, $0)
    }
  }

  /// The elements of a dimension in reverse order.
  public func flip(dimension: Int) throws -> Tensor {
    try .make("flip", keeping: self) { ct_flip(pointer, Int64(dimension), $0) }
  }

  /// Element i moves to i + `shift`; what passes the end comes back at the start.
  public func roll(shift: Int, dimension: Int) throws -> Tensor {
    try .make("roll", keeping: self) { ct_roll(pointer, Int64(shift), Int64(dimension), $0) }
  }

  /// Joins tensors along a dimension that they have.
  public static func concatenate(_ tensors: [Tensor], dimension: Int) throws -> Tensor {
    try withPointers(of: tensors) { pointers, count in
      try make("concatenate", keeping: tensors) {
        ct_concatenate(pointers, count, Int64(dimension), $0)
      }
    }
  }

  /// Joins tensors of one shape along a new dimension.
  public static func stack(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
    try withPointers(of: tensors) { pointers, count in
      try make("stack", keeping: tensors) { ct_stack(pointers, count, Int64(dimension), $0) }
    }
  }
}
