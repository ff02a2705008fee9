package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a serialized {@code ModelInferRequest} and {@code ModelInferResponse} have in common, read
 * in place: one walk notes where things lie and checks that everything is well formed; tensor bytes
 * are stepped over, never decoded or copied.
 *
 * <p><b>Same language as the generated parser.</b> Last one wins for single fields, repeated
 * message fields are merged, shapes and contents may be packed or not, unknown fields are skipped,
 * strings must be UTF-8. On purpose stricter: a known field with another wire type is malformed
 * (the generated parser files it as unknown), so are groups, which proto3 does not have, ten-byte
 * varints that do not fit 64 bits or did not need ten, more than {@value #MAX_TENSORS} entries in
 * any one repeated field or map, and more than 255 dimensions.
 *
 * <p><b>Byte order.</b> Every buffer handed out is little-endian, whatever the machine's order.
 *
 * <p><b>Threads.</b> Views are immutable; any number of threads may read one. They alias the
 * message: its bytes must neither change nor be released while a view or a slice of it is in use.
 */
public abstract sealed class InferMessage permits InferRequestView, InferResponseView {
  static final int MAX_TENSORS = 10_000;

  private final WireReader.Source source;
  private final long modelName;
  private final long modelVersion;
  private final long id;
  private final Parameters parameters;
  private final List<TensorView> tensors;
  private final long[] raws;

  InferMessage(Walk walk, List<TensorView> tensors) {
    this.source = walk.reader.source;
    this.modelName = walk.modelName;
    this.modelVersion = walk.modelVersion;
    this.id = walk.id;
    this.parameters = new Parameters(source, walk.parameters.toArray());
    this.raws = walk.raws.toArray();
    this.tensors = tensors;
  }

  /** Everything one walk over a message finds. */
  static final class Walk {
    final WireReader reader;
    final List<TensorView> tensors = new ArrayList<>(4);
    final List<RequestedOutput> requestedOutputs = new ArrayList<>(0);
    final WireReader.Longs raws = new WireReader.Longs(MAX_TENSORS, "raw contents");
    private final WireReader.Longs parameters =
        new WireReader.Longs(Parameters.MAX_ENTRIES, "parameters");
    private long modelName;
    private long modelVersion;
    private long id;

    Walk(ByteBuffer message, boolean request) {
      reader = WireReader.Source.of(message).reader();
      while (reader.hasMore()) {
        int tag = reader.tag();
        switch (WireReader.field(tag)) {
          case 1 -> modelName = reader.string(tag, "model_name");
          case 2 -> modelVersion = reader.string(tag, "model_version");
          case 3 -> id = reader.string(tag, "id");
          case 4 -> parameters.add(Parameters.checkEntry(reader, tag), reader);
          case 5 -> takeTensor(tag);
          case 6 -> {
            if (request) {
              takeRequestedOutput(tag);
            } else {
              takeRaw(tag);
            }
          }
          case 7 -> {
            if (request) {
              takeRaw(tag);
            } else {
              reader.skip(tag);
            }
          }
          default -> reader.skip(tag);
        }
      }
    }

    private void takeTensor(int tag) {
      int outer = reader.enter(tag, "tensor");
      checkBound(tensors.size(), "tensors");
      tensors.add(TensorView.parse(reader));
      reader.leave(outer);
    }

    private void takeRequestedOutput(int tag) {
      int outer = reader.enter(tag, "outputs");
      checkBound(requestedOutputs.size(), "requested outputs");
      requestedOutputs.add(RequestedOutput.parse(reader));
      reader.leave(outer);
    }

    private void takeRaw(int tag) {
      raws.add(reader.bytes(tag, "raw contents"), reader);
    }

    private void checkBound(int size, String what) {
      if (size == MAX_TENSORS) {
        throw reader.malformed("more than " + MAX_TENSORS + " " + what);
      }
    }
  }

  /** {@code model_name}, decoded anew at each call; empty when absent. */
  public String modelName() {
    return source.string(modelName);
  }

  /** {@code model_version}, decoded anew at each call; empty when absent. */
  public String modelVersion() {
    return source.string(modelVersion);
  }

  /** {@code id}, decoded anew at each call; empty when absent. */
  public String id() {
    return source.string(id);
  }

  /** The message's parameters. */
  public Parameters parameters() {
    return parameters;
  }

  /** The parameter of that name, or null. */
  public @Nullable ParameterValue parameter(String name) {
    return parameters.get(name);
  }

  /** How many tensors the message describes, 0 to 10,000. */
  public int tensorCount() {
    return tensors.size();
  }

  /** A tensor by position. */
  public TensorView tensor(int index) {
    return tensors.get(index);
  }

  /** The first tensor of that name, or null. */
  public @Nullable TensorView tensor(String name) {
    byte[] wanted = WireReader.utf8(name);
    for (TensorView tensor : tensors) {
      if (tensor.nameIs(wanted)) {
        return tensor;
      }
    }
    return null;
  }

  /** How many raw entries the message carries, 0 to 10,000. */
  public int rawCount() {
    return raws.length;
  }

  /** Size of a raw entry in bytes. */
  public int rawSize(int index) {
    return WireReader.length(raws[index]);
  }

  /** Where a raw entry begins, in bytes from the message's first byte. */
  public int rawOffset(int index) {
    return WireReader.offset(raws[index]);
  }

  /** A raw entry: a new read-only little-endian slice of the message, position 0. */
  public ByteBuffer raw(int index) {
    return source.slice(raws[index]);
  }

  /** The whole message: a new read-only little-endian view, position 0. */
  public ByteBuffer message() {
    return source.slice(Integer.toUnsignedLong(source.bytes().limit()));
  }

  /** Size of the message in bytes. */
  public int messageSize() {
    return source.bytes().limit();
  }
}
