package dev.understudy.router.slices;

import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceRule;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One slice of a contract, made ready: labels are built once and handed out again, so that
 * labelling a call allocates nothing in the common case. Any thread.
 */
sealed interface LabelRule {
  /** Labels of one rule that are kept ready; further ones are made anew each time. */
  int MOST_READY = 1024;

  /** A name that is longer is hashed: labels are told each second. */
  int MOST_CHARS = 128;

  private static SliceLabel label(SliceRule rule, String value) {
    return SliceLabel.newBuilder().setSlice(rule.getName()).setValue(value).build();
  }

  /** By a number: the value of a column, or the rows of a call. */
  sealed interface OfNumber extends LabelRule {
    /** The label of a value. */
    SliceLabel of(double value);
  }

  /** The rule for numbers that the contract declares. */
  static OfNumber ofNumber(SliceRule rule) {
    return rule.getCategory() ? new Categories(rule) : new Ranges(rule);
  }

  /** Between edges: {@code <10}, {@code 10..100}, {@code >=100}; a value on an edge is above it. */
  final class Ranges implements OfNumber {
    private final double[] edges;
    private final List<SliceLabel> labels = new ArrayList<>();
    private final SliceLabel missing;

    Ranges(SliceRule rule) {
      edges = rule.getEdgesList().stream().mapToDouble(Double::doubleValue).toArray();
      missing = label(rule, "missing");
      labels.add(label(rule, "<" + shown(edges[0])));
      for (int i = 1; i < edges.length; i++) {
        labels.add(label(rule, shown(edges[i - 1]) + ".." + shown(edges[i])));
      }
      labels.add(label(rule, ">=" + shown(edges[edges.length - 1])));
    }

    @Override
    public SliceLabel of(double value) {
      if (Double.isNaN(value)) {
        return missing;
      }
      int at = 0;
      while (at < edges.length && value >= edges[at]) {
        at++;
      }
      return labels.get(at);
    }
  }

  /** The value itself. */
  final class Categories implements OfNumber {
    private final SliceRule rule;
    private final ConcurrentHashMap<Long, SliceLabel> ready = new ConcurrentHashMap<>();

    Categories(SliceRule rule) {
      this.rule = rule;
    }

    @Override
    public SliceLabel of(double value) {
      Long bits = Double.doubleToLongBits(value);
      SliceLabel known = ready.get(bits);
      if (known != null) {
        return known;
      }
      SliceLabel made = label(rule, Double.isNaN(value) ? "missing" : shown(value));
      if (ready.size() < MOST_READY) {
        ready.put(bits, made);
      }
      return made;
    }
  }

  /**
   * Who calls: by name where the policy says so, else by a hash of name and salt, the same in every
   * router for the length of a rollout. Who knows the salt and guesses a name can check the guess:
   * the hash hides names from readers of reports, not from those who run the router.
   */
  final class Principals implements LabelRule {
    private final SliceRule rule;
    private final boolean clear;
    private final String salt;
    private final ConcurrentHashMap<String, SliceLabel> ready = new ConcurrentHashMap<>();

    Principals(SliceRule rule, boolean clear, String salt) {
      this.rule = rule;
      this.clear = clear;
      this.salt = salt;
    }

    SliceLabel of(String name) {
      SliceLabel known = ready.get(name);
      if (known != null) {
        return known;
      }
      SliceLabel made = label(rule, clear && name.length() <= MOST_CHARS ? name : hashed(name));
      if (ready.size() < MOST_READY) {
        ready.put(name, made);
      }
      return made;
    }

    private String hashed(String name) {
      try {
        byte[] digest =
            MessageDigest.getInstance("SHA-256")
                .digest((salt + "\0" + name).getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest, 0, 6);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java platform has SHA-256", e);
      }
    }
  }

  private static String shown(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
