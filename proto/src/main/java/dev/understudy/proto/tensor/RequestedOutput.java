package dev.understudy.proto.tensor;

/** One entry of a request's {@code outputs}. Immutable; any number of threads. */
public final class RequestedOutput {
  private final WireReader.Source source;
  private final long name;
  private final Parameters parameters;

  private RequestedOutput(WireReader.Source source, long name, long[] parameters) {
    this.source = source;
    this.name = name;
    this.parameters = new Parameters(source, parameters);
  }

  static RequestedOutput parse(WireReader reader) {
    long name = 0;
    var parameters = new WireReader.Longs(Parameters.MAX_ENTRIES, "parameters");
    while (reader.hasMore()) {
      int tag = reader.tag();
      switch (WireReader.field(tag)) {
        case 1 -> name = reader.string(tag, "output name");
        case 2 -> parameters.add(Parameters.checkEntry(reader, tag), reader);
        default -> reader.skip(tag);
      }
    }
    return new RequestedOutput(reader.source, name, parameters.toArray());
  }

  /** The output's name, decoded anew at each call. */
  public String name() {
    return source.string(name);
  }

  /** The parameters of this output, such as {@code classification}. */
  public Parameters parameters() {
    return parameters;
  }

  /** True when the answer is wanted in a shared-memory region. */
  public boolean inSharedMemory() {
    return parameters.contains(TensorView.SHARED_MEMORY_REGION);
  }

  boolean nameIs(byte[] utf8) {
    return source.matches(name, utf8);
  }
}
