package dev.understudy.proto.contract;

import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.Feature;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The texts that columns of a BYTES input may hold, compared as bytes in place. Immutable. */
final class TextRules {
  private static final int MOST_SHOWN = 16;
  private static final int MOST_CHARS = 64;

  private final List<Feature> features;
  private final byte[] @Nullable [][] tables;

  TextRules(List<Feature> features) {
    this.features = features;
    tables = new byte[features.size()][][];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = table(features.get(i).getAllowedTextList());
    }
  }

  private static byte @Nullable [][] table(List<String> texts) {
    if (texts.isEmpty()) {
      return null;
    }
    // Open addressing, at most half full.
    byte[][] table = new byte[Integer.highestOneBit(texts.size()) * 4][];
    for (String text : texts) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      int at = hash(bytes, 0, bytes.length) & table.length - 1;
      while (table[at] != null) {
        at = at + 1 & table.length - 1;
      }
      table[at] = bytes;
    }
    return table;
  }

  private static int hash(byte[] data, int from, int length) {
    int hash = 1;
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + data[i];
    }
    return hash ^ hash >>> 16;
  }

  private static boolean contains(byte[][] table, byte[] data, int from, int length) {
    int at = hash(data, from, length) & table.length - 1;
    for (byte[] entry = table[at]; entry != null; entry = table[at]) {
      if (Arrays.equals(entry, 0, entry.length, data, from, from + length)) {
        return true;
      }
      at = at + 1 & table.length - 1;
    }
    return false;
  }

  /**
   * Looks at the raw form of a BYTES tensor; what follows a torn element is left to the signature's
   * check.
   */
  @Nullable ContractFindings check(
      String input,
      byte[] message,
      byte[] data,
      int from,
      int length,
      @Nullable ContractFindings before) {
    ContractFindings found = before;
    int end = from + length;
    int at = from;
    int column = 0;
    long row = 0;
    while (end - at >= 4) {
      int size = (int) Keys.INT.get(data, at);
      at += 4;
      if (size < 0 || size > end - at) {
        return found;
      }
      byte[][] table = tables[column];
      if (table != null && !contains(table, data, at, size)) {
        found = found == null ? new ContractFindings(message) : found;
        broken(features.get(column), found, input, row, data, at, size);
        if (found.full()) {
          return found;
        }
      }
      at += size;
      if (++column == tables.length) {
        column = 0;
        row++;
      }
    }
    return found;
  }

  private static void broken(
      Feature feature,
      ContractFindings found,
      String input,
      long row,
      byte[] data,
      int from,
      int size) {
    String name = feature.getName();
    String rule = name + ".allowed";
    if (feature.getTrial()) {
      found.note(rule, "contract.trial." + name, ContractFindings.Deed.TRIAL);
    } else if (feature.getAction() == ContractAction.ACTION_FLAG) {
      found.note(rule, "contract." + name, ContractFindings.Deed.FLAG);
    } else if (found.tells()) {
      found.refuse(
          rule,
          Scan.field(input, row, name),
          "'" + shown(data, from, size) + "' (expected: " + expected(feature) + ")");
    } else {
      found.refuseUntold(rule);
    }
  }

  private static String shown(byte[] data, int from, int size) {
    String text = new String(data, from, Math.min(size, 4 * MOST_CHARS), StandardCharsets.UTF_8);
    return text.length() > MOST_CHARS ? text.substring(0, MOST_CHARS) + "…" : text;
  }

  private static String expected(Feature feature) {
    List<String> all = feature.getAllowedTextList();
    String first = String.join(", ", all.subList(0, Math.min(MOST_SHOWN, all.size())));
    return all.size() <= MOST_SHOWN
        ? "one of [" + first + "]"
        : "one of [" + first + ", and " + (all.size() - MOST_SHOWN) + " more]";
  }
}
