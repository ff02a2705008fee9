package dev.understudy.proto.contract;

/**
 * The second look at one input: where it is, and what it has found. Made only when the fast pass
 * does not let everything through. One thread.
 */
final class Scan {
  private final ContractFindings found;
  private final String input;
  private final int inputIndex;
  private final byte[] data;
  private final boolean typed;
  private final Keys keys;
  private long row;
  private int index;

  /**
   * A scan that has seen nothing yet.
   *
   * @param data the message itself, or the raw form of typed contents, which is the scan's to
   *     change
   */
  Scan(
      ContractFindings found, String input, int inputIndex, byte[] data, boolean typed, Keys keys) {
    this.found = found;
    this.input = input;
    this.inputIndex = inputIndex;
    this.data = data;
    this.typed = typed;
    this.keys = keys;
  }

  ContractFindings found() {
    return found;
  }

  /** Looks at elements; returns false when enough was found. */
  boolean over(ColumnRule[] columns, int from, long first, int count) {
    int column = (int) (first % columns.length);
    row = first / columns.length;
    for (int i = 0; i < count; i++) {
      index = from + i * keys.size;
      if (!found.notedFull() || !columns[column].onlyNotes()) {
        columns[column].judge(keys.at(data, index), this);
      } else if (columns.length == 1) {
        return false;
      }
      if (found.full()) {
        return false;
      }
      if (++column == columns.length) {
        column = 0;
        row++;
      }
    }
    return true;
  }

  /** The element under way gets another value. */
  void put(String rule, long key, boolean fill) {
    if (typed) {
      keys.put(data, index, key);
      found.typed(inputIndex, keys.type, data);
    } else {
      keys.put(found.copy(), index, key);
    }
    found.flag(
        rule,
        fill ? "contract.filled" : "contract.clamped",
        fill ? ContractFindings.Deed.FILL : ContractFindings.Deed.CLAMP);
  }

  /** The element under way must not pass. */
  void refuse(String rule, String column, String description) {
    found.refuse(rule, field(input, row, column), row, description);
  }

  static String field(String input, long row, String column) {
    return "inputs[" + input + "].data[row=" + row + ", " + column + "]";
  }
}
