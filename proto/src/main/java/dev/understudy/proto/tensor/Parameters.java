package dev.understudy.proto.tensor;

import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A {@code map<string, InferParameter>} that stays in the message: entries are checked when the
 * message is parsed and decoded when asked for. Of entries with the same key the last one counts.
 * Immutable; any number of threads.
 */
public final class Parameters {
  static final int MAX_ENTRIES = 10_000;
  private static final ParameterValue UNSET = new ParameterValue.Unset();

  private final WireReader.Source source;
  private final long[] entries;

  Parameters(WireReader.Source source, long[] entries) {
    this.source = source;
    this.entries = entries;
  }

  /** True when there is no parameter. */
  public boolean isEmpty() {
    return entries.length == 0;
  }

  /** True when the key occurs, whatever its value. */
  public boolean contains(String key) {
    return entries.length != 0 && find(WireReader.utf8(key)) >= 0;
  }

  /** The value of the key, or null when the key does not occur. */
  public @Nullable ParameterValue get(String key) {
    if (entries.length == 0) {
      return null;
    }
    int found = find(WireReader.utf8(key));
    return found < 0 ? null : value(entries[found]);
  }

  /** The keys, each once, in the order of their first occurrence; a new set. */
  public Set<String> names() {
    Set<String> names = new LinkedHashSet<>();
    for (long entry : entries) {
      names.add(source.string(key(entry)));
    }
    return names;
  }

  /** Does some key of this map equal the given one? */
  boolean contains(byte[] key) {
    return entries.length != 0 && find(key) >= 0;
  }

  private int find(byte[] key) {
    for (int i = entries.length - 1; i >= 0; i--) {
      if (source.matches(key(entries[i]), key)) {
        return i;
      }
    }
    return -1;
  }

  private long key(long entry) {
    WireReader reader = source.reader(entry);
    long key = 0;
    while (reader.hasMore()) {
      int tag = reader.tag();
      if (WireReader.field(tag) == 1) {
        key = reader.bytes(tag, "key");
      } else {
        reader.skip(tag);
      }
    }
    return key;
  }

  private ParameterValue value(long entry) {
    WireReader reader = source.reader(entry);
    ParameterValue value = UNSET;
    while (reader.hasMore()) {
      int tag = reader.tag();
      if (WireReader.field(tag) == 2) {
        int outer = reader.enter(tag, "value");
        value = choice(reader, value);
        reader.leave(outer);
      } else {
        reader.skip(tag);
      }
    }
    return value;
  }

  /** Reads an {@code InferParameter} over what an earlier occurrence of the field has set. */
  private ParameterValue choice(WireReader reader, ParameterValue before) {
    ParameterValue value = before;
    while (reader.hasMore()) {
      int tag = reader.tag();
      switch (WireReader.field(tag)) {
        case 1 -> value = new ParameterValue.Bool(reader.varint() != 0);
        case 2 -> value = new ParameterValue.Int64(reader.varint());
        case 3 -> value = new ParameterValue.Text(source.string(reader.bytes(tag, "string_param")));
        case 4 -> value = new ParameterValue.Float64(Double.longBitsToDouble(reader.fixed64()));
        case 5 -> value = new ParameterValue.UInt64(reader.varint());
        default -> reader.skip(tag);
      }
    }
    return value;
  }

  /** Checks one map entry at the reader's position and returns its range. */
  static long checkEntry(WireReader reader, int tag) {
    int outer = reader.enter(tag, "parameters");
    int start = reader.position();
    while (reader.hasMore()) {
      int inner = reader.tag();
      switch (WireReader.field(inner)) {
        case 1 -> reader.string(inner, "parameter key");
        case 2 -> {
          int entryLimit = reader.enter(inner, "parameter value");
          checkChoice(reader);
          reader.leave(entryLimit);
        }
        default -> reader.skip(inner);
      }
    }
    reader.leave(outer);
    return (long) start << 32 | (reader.position() - start);
  }

  private static void checkChoice(WireReader reader) {
    while (reader.hasMore()) {
      int tag = reader.tag();
      switch (WireReader.field(tag)) {
        case 1, 2, 5 -> {
          reader.expect(tag, WireReader.VARINT, "parameter choice");
          reader.skip(tag);
        }
        case 3 -> reader.string(tag, "string_param");
        case 4 -> {
          reader.expect(tag, WireReader.FIXED64, "double_param");
          reader.skip(tag);
        }
        default -> reader.skip(tag);
      }
    }
  }
}
