package dev.understudy.proto.contract;

import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.Missing;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What is demanded of one column, in the keys of one datatype. Asked for elements that the fast
 * pass does not let through. Immutable.
 */
final class ColumnRule {
  private static final int MOST_SHOWN = 16;
  private static final int MOST_BITS = 4096;

  final String name;
  private final Keys keys;
  private final ContractAction action;
  private final ContractAction nan;
  private final ContractAction missingAction;
  private final boolean trial;
  private final boolean ranged;
  private final boolean impossible;
  private final long low;
  private final long high;
  private final long @Nullable [] allowed;
  // Membership of small whole numbers; element 0 stands for firstBit.
  private final long @Nullable [] bits;
  private final long firstBit;
  private final boolean hasMissing;
  private final boolean missingIsNan;
  private final long missingKey;
  private final boolean fills;
  private final long fill;
  private final String expected;
  private final String expectedAllowed;
  private final String rangeRule;
  private final String allowedRule;
  private final String nanRule;
  private final String missingRule;
  private final String flag;
  private final String trialFlag;

  ColumnRule(Feature feature, Keys keys) {
    this.keys = keys;
    name = feature.getName();
    action = feature.getAction();
    nan = feature.getNan();
    trial = feature.getTrial();
    ranged = feature.hasMin() || feature.hasMax();
    long from = feature.hasMin() ? keys.low(feature.getMin()) : Long.MIN_VALUE;
    long to = feature.hasMax() ? keys.high(feature.getMax()) : Long.MAX_VALUE;
    impossible = ranged && (from == Keys.NONE || to == Keys.NONE || from > to);
    low = from;
    high = to;
    allowed =
        feature.getAllowedCount() == 0
            ? null
            : feature.getAllowedList().stream()
                .mapToLong(keys::exact)
                .filter(key -> key != Keys.NONE)
                .sorted()
                .distinct()
                .toArray();
    // Whoever wrote the message: in ascending order.
    List<Double> ascending = feature.getAllowedList().stream().sorted().toList();
    firstBit = ascending.isEmpty() ? 0 : ascending.get(0).longValue();
    bits = allowed == null ? null : bits(ascending, keys);
    Missing missing = feature.getMissing();
    hasMissing = feature.hasMissing();
    missingIsNan = Double.isNaN(missing.getValue());
    missingKey = missingIsNan ? Keys.NONE : keys.exact(missing.getValue());
    missingAction = missing.getAction();
    fill = missing.hasFill() ? keys.exact(missing.getFill()) : Keys.NONE;
    fills = fill != Keys.NONE;
    expected = expected(feature);
    expectedAllowed = expectedAllowed(feature);
    rangeRule = name + ".range";
    allowedRule = name + ".allowed";
    nanRule = name + ".nan";
    missingRule = name + ".missing";
    flag = "contract." + name;
    trialFlag = "contract.trial." + name;
  }

  /** Whether a feature demands anything of numbers. */
  static boolean isLive(Feature feature) {
    return feature.hasMin()
        || feature.hasMax()
        || feature.getAllowedCount() > 0
        || feature.getNan() == ContractAction.ACTION_REFUSE
        || feature.getNan() == ContractAction.ACTION_FLAG
        || speaksOfMissing(feature);
  }

  private static boolean speaksOfMissing(Feature feature) {
    Missing missing = feature.getMissing();
    return missing.hasFill()
        || missing.getAction() == ContractAction.ACTION_REFUSE
        || missing.getAction() == ContractAction.ACTION_FLAG;
  }

  private static long @Nullable [] bits(List<Double> allowed, Keys keys) {
    double first = allowed.get(0);
    double last = allowed.get(allowed.size() - 1);
    // A half cannot hold 4097: then the number nearest to it is meant, and that is for the keys.
    boolean whole =
        allowed.stream()
            .allMatch(value ->
                value == Math.rint(value)
                    && (keys.exact(value) == Keys.NONE || keys.value(keys.exact(value)) == value));
    if (!whole || last - first >= MOST_BITS || Math.abs(first) > 1L << 50) {
      return null;
    }
    long[] bits = new long[(int) (last - first) / 64 + 1];
    for (double value : allowed) {
      int at = (int) (value - first);
      bits[at >>> 6] |= 1L << at;
    }
    return bits;
  }

  // ---- What the fast pass may let through.

  /** The least key that needs no second look unless {@link #isSpecial}. */
  long fastLow() {
    if (impossible || (allowed != null && allowed.length == 0)) {
      return Long.MAX_VALUE;
    }
    long least = ranged ? low : Long.MIN_VALUE;
    if (least == Long.MIN_VALUE && keys.isFloat && !nanPasses()) {
      least = ~keys.infinity();
    }
    if (allowed != null) {
      long first = keys.isFloat && allowed[0] == 0 ? -1 : allowed[0];
      least = Math.max(least, first);
    }
    return least;
  }

  /** The greatest such key. */
  long fastHigh() {
    if (impossible || (allowed != null && allowed.length == 0)) {
      return Long.MIN_VALUE;
    }
    long most = ranged ? high : Long.MAX_VALUE;
    if (most == Long.MAX_VALUE && keys.isFloat && !nanPasses()) {
      most = keys.infinity();
    }
    return allowed == null ? most : Math.min(most, allowed[allowed.length - 1]);
  }

  /** Whether elements between the fast bounds must be looked at with {@link #passes}. */
  boolean isSpecial() {
    boolean loudMissing =
        hasMissing
            && missingKey != Keys.NONE
            && (fills || !isAllow(missingAction))
            && missingKey >= fastLow()
            && missingKey <= fastHigh();
    return allowed != null || loudMissing;
  }

  /** Whether an element between the fast bounds needs no second look. */
  boolean passes(long key) {
    return (allowed == null || isAllowed(key))
        && (!hasMissing || missingKey == Keys.NONE || keys.canonical(key) != missingKey);
  }

  private boolean nanPasses() {
    if (hasMissing && missingIsNan) {
      return isAllow(missingAction) && !fills;
    }
    return nan == ContractAction.ACTION_ALLOW
        || (nan == ContractAction.ACTION_UNSPECIFIED && !ranged && allowed == null);
  }

  private static boolean isAllow(ContractAction action) {
    return action == ContractAction.ACTION_ALLOW || action == ContractAction.ACTION_UNSPECIFIED;
  }

  private boolean isAllowed(long key) {
    long[] set = bits;
    if (set == null) {
      long[] sorted = allowed;
      return sorted == null || Arrays.binarySearch(sorted, keys.canonical(key)) >= 0;
    }
    double value = keys.value(key);
    long whole = (long) value;
    long bit = whole - firstBit;
    return whole == value
        && bit >= 0
        && bit >>> 6 < set.length
        && (set[(int) (bit >>> 6)] >>> bit & 1) != 0;
  }

  // ---- The second look.

  /** Whether nothing that this may find can refuse a request or change it. */
  boolean onlyNotes() {
    return trial
        || (!fills
            && isNote(missingAction)
            && isNote(nan)
            && (action == ContractAction.ACTION_FLAG || (!ranged && allowed == null)));
  }

  private static boolean isNote(ContractAction action) {
    return action == ContractAction.ACTION_FLAG || isAllow(action);
  }

  /** What an element comes to; told to the scan. */
  void judge(long key, Scan scan) {
    if (keys.isNan(key)) {
      judgeNan(key, scan);
    } else if (hasMissing && missingKey != Keys.NONE && keys.canonical(key) == missingKey) {
      judgeMissing(key, scan);
    } else if (allowed != null && !isAllowed(key)) {
      broken(allowedRule, action, key, expectedAllowed, scan);
    } else if (ranged && (impossible || key < low || key > high)) {
      if (action == ContractAction.ACTION_CLAMP && !impossible && !trial) {
        scan.put(rangeRule, key < low ? keys.canonical(low) : high, false);
      } else {
        broken(rangeRule, action, key, expected, scan);
      }
    }
  }

  private void judgeNan(long key, Scan scan) {
    if (hasMissing && missingIsNan) {
      judgeMissing(key, scan);
    } else if (nan == ContractAction.ACTION_UNSPECIFIED) {
      if (allowed != null) {
        broken(allowedRule, action, key, expectedAllowed, scan);
      } else if (ranged) {
        // Nothing is nearest to NaN: where others are clamped it is refused.
        broken(rangeRule, action, key, expected, scan);
      }
    } else if (nan != ContractAction.ACTION_ALLOW) {
      broken(nanRule, nan, key, "a number", scan);
    }
  }

  private void judgeMissing(long key, Scan scan) {
    if (!isAllow(missingAction)) {
      broken(missingRule, missingAction, key, "a known value; this one stands for none", scan);
    }
    if (fills && !trial) {
      scan.put(missingRule, fill, true);
    } else if (fills) {
      scan.found().note(missingRule, trialFlag, ContractFindings.Deed.TRIAL);
    }
  }

  private void broken(String rule, ContractAction what, long key, String expectation, Scan scan) {
    if (trial) {
      scan.found().note(rule, trialFlag, ContractFindings.Deed.TRIAL);
    } else if (what == ContractAction.ACTION_FLAG) {
      scan.found().note(rule, flag, ContractFindings.Deed.FLAG);
    } else if (scan.found().tells()) {
      scan.refuse(rule, name, keys.shown(key) + " (expected: " + expectation + ")");
    } else {
      scan.found().refuseUntold(rule);
    }
  }

  private static String expected(Feature feature) {
    if (!feature.hasMax()) {
      return "at least " + Keys.shown(feature.getMin());
    }
    return feature.hasMin()
        ? Keys.shown(feature.getMin()) + " to " + Keys.shown(feature.getMax())
        : "at most " + Keys.shown(feature.getMax());
  }

  private static String expectedAllowed(Feature feature) {
    int count = feature.getAllowedCount();
    return feature.getAllowedList().stream()
        .limit(MOST_SHOWN)
        .map(value -> Keys.shown((double) value))
        .collect(
            Collectors.joining(
                ", ",
                "one of [",
                count > MOST_SHOWN ? ", and " + (count - MOST_SHOWN) + " more]" : "]"));
  }
}
