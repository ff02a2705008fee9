package dev.understudy.proto.tensor;

import org.jspecify.annotations.Nullable;

/**
 * One tensor of a request or a response, in place: where its parts lie in the message. Immutable;
 * any number of threads, as long as nobody changes the message's bytes.
 */
public final class TensorView {
  /** More dimensions than this are refused; ONNX models in use stay below ten. */
  static final int MAX_RANK = 255;

  static final byte[] SHARED_MEMORY_REGION = WireReader.utf8("shared_memory_region");
  private static final int MAX_CONTENTS = 10_000;

  private final WireReader.Source source;
  private final long name;
  private final long datatypeName;
  private final @Nullable Datatype datatype;
  private final long[] shape;
  private final Parameters parameters;
  private final long[] contents;
  private final int rawIndex;

  private TensorView(
      WireReader.Source source,
      long name,
      long datatypeName,
      @Nullable Datatype datatype,
      long[] shape,
      Parameters parameters,
      long[] contents,
      int rawIndex) {
    this.source = source;
    this.name = name;
    this.datatypeName = datatypeName;
    this.datatype = datatype;
    this.shape = shape;
    this.parameters = parameters;
    this.contents = contents;
    this.rawIndex = rawIndex;
  }

  static TensorView parse(WireReader reader) {
    long name = 0;
    long datatype = 0;
    var shape = new WireReader.Longs(MAX_RANK, "dimensions");
    var parameters = new WireReader.Longs(Parameters.MAX_ENTRIES, "parameters");
    var contents = new WireReader.Longs(MAX_CONTENTS, "occurrences of contents");
    while (reader.hasMore()) {
      int tag = reader.tag();
      switch (WireReader.field(tag)) {
        case 1 -> name = reader.string(tag, "tensor name");
        case 2 -> datatype = reader.string(tag, "tensor datatype");
        case 3 -> readShape(reader, tag, shape);
        case 4 -> parameters.add(Parameters.checkEntry(reader, tag), reader);
        case 5 -> contents.add(TypedContents.check(reader, tag), reader);
        default -> reader.skip(tag);
      }
    }
    return new TensorView(
        reader.source,
        name,
        datatype,
        Datatype.at(reader.source, datatype),
        shape.toArray(),
        new Parameters(reader.source, parameters.toArray()),
        contents.toArray(),
        -1);
  }

  private static void readShape(WireReader reader, int tag, WireReader.Longs shape) {
    if (WireReader.wireType(tag) == WireReader.VARINT) {
      shape.add(reader.varint(), reader);
      return;
    }
    int outer = reader.enter(tag, "shape");
    while (reader.hasMore()) {
      shape.add(reader.varint(), reader);
    }
    reader.leave(outer);
  }

  TensorView withRawIndex(int index) {
    return new TensorView(source, name, datatypeName, datatype, shape, parameters, contents, index);
  }

  /** The tensor's name, decoded anew at each call. */
  public String name() {
    return source.string(name);
  }

  /** The datatype as it is written, decoded anew at each call unless it is known. */
  public String datatypeName() {
    Datatype known = datatype;
    return known == null ? source.string(datatypeName) : known.wireName();
  }

  /** The datatype, or null when its name is none of the protocol's. */
  public @Nullable Datatype datatype() {
    return datatype;
  }

  /** Number of dimensions, 0 to 255. */
  public int rank() {
    return shape.length;
  }

  /** One dimension as it is written, possibly negative. */
  public long dim(int index) {
    return shape[index];
  }

  /** The dimensions; a new array. */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * The product of the dimensions (1 for rank 0), or -1 when a dimension is negative or the product
   * is {@code Long.MAX_VALUE} or more.
   */
  public long elementCount() {
    long count = 1;
    for (long dim : shape) {
      if (dim < 0) {
        return -1;
      }
      if (dim == 0) {
        count = 0;
      } else {
        count = count > Long.MAX_VALUE / dim ? Long.MAX_VALUE : count * dim;
      }
    }
    return count == Long.MAX_VALUE ? -1 : count;
  }

  /** The tensor's parameters. */
  public Parameters parameters() {
    return parameters;
  }

  /** True when the data lies in a shared-memory region rather than in the message. */
  public boolean inSharedMemory() {
    return parameters.contains(SHARED_MEMORY_REGION);
  }

  /** True when typed {@code contents} are present, even without elements. */
  public boolean hasContents() {
    return contents.length != 0;
  }

  /** Which raw entry holds the data, or -1 when none does. */
  public int rawIndex() {
    return rawIndex;
  }

  /** Whether the tensor has that name, given in UTF-8; decodes nothing. */
  public boolean nameIs(byte[] utf8) {
    return source.matches(name, utf8);
  }

  WireReader.Source source() {
    return source;
  }

  /** Ranges of {@code InferTensorContents} messages, to be read one after another. */
  long[] contents() {
    return contents;
  }
}
