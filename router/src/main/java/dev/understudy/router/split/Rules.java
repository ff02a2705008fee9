package dev.understudy.router.split;

import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.router.call.Headers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model's rules, turned around: instead of asking each rule for its headers, each header is
 * looked up once and says which rules it rules out. Up to 64 rules are the bits of one number, so
 * that a call costs one lookup for each distinct header, one hash lookup for its value, and a look
 * at the lowest bit that is left, which is the first rule that matches. Only prefixes are compared
 * one by one. Nothing is allocated, and a header that no remaining rule asks for is not looked up.
 *
 * <p>All headers of a rule and one of its principals must match. A header matches when its last
 * value is one of {@code any_of} or begins with {@code prefix}; when neither is given, when it is
 * there. {@code invert} turns that around, so that a missing header matches.
 *
 * <p>Immutable.
 */
public final class Rules {
  /** What {@link #first} says when no rule matches. */
  public static final int NONE = -1;

  private static final int MOST = 64;

  private final long all;
  private final String[] names;
  private final Column[] columns;
  private final Map<String, Long> ruledOutFor = new HashMap<>();
  private final long ruledOutForOthers;

  /**
   * Compiles rules.
   *
   * @param rules 1 to 64, checked
   */
  public Rules(List<RouteRule> rules) {
    if (rules.isEmpty() || rules.size() > MOST) {
      throw new IllegalArgumentException("rules: " + rules.size() + " (expected: 1 to 64)");
    }
    all = -1L >>> (MOST - rules.size());
    Map<String, List<Condition>> byHeader = new LinkedHashMap<>();
    long named = 0;
    for (int i = 0; i < rules.size(); i++) {
      RouteRule rule = rules.get(i);
      for (HeaderMatch header : rule.getHeadersList()) {
        byHeader
            .computeIfAbsent(header.getName(), name -> new ArrayList<>())
            .add(new Condition(1L << i, header));
      }
      if (rule.getPrincipalsCount() > 0) {
        named |= 1L << i;
        rule.getPrincipalsList().forEach(principal -> ruledOutFor.put(principal, 0L));
      }
    }
    ruledOutForOthers = named;
    ruledOutFor.replaceAll((principal, mask) -> ruledOutFor(principal, rules));
    names = byHeader.keySet().toArray(String[]::new);
    columns = byHeader.values().stream().map(Column::new).toArray(Column[]::new);
  }

  private static long ruledOutFor(String principal, List<RouteRule> rules) {
    long out = 0;
    for (int i = 0; i < rules.size(); i++) {
      List<String> wanted = rules.get(i).getPrincipalsList();
      out |= wanted.isEmpty() || wanted.contains(principal) ? 0 : 1L << i;
    }
    return out;
  }

  /** The index of the first rule that matches, or {@link #NONE}. */
  public int first(Headers headers, String principal) {
    Long out = ruledOutFor.get(principal);
    long left = all & ~(out == null ? ruledOutForOthers : out);
    for (int i = 0; i < columns.length && left != 0; i++) {
      Column column = columns[i];
      if ((left & column.users) != 0) {
        left &= ~column.ruledOut(headers.get(names[i]));
      }
    }
    return left == 0 ? NONE : Long.numberOfTrailingZeros(left);
  }

  /** What one rule wants of one header. */
  private static final class Condition {
    final long rule;
    final Set<String> anyOf;
    final String prefix;
    final boolean invert;

    Condition(long rule, HeaderMatch header) {
      this.rule = rule;
      this.anyOf = Set.copyOf(header.getAnyOfList());
      this.prefix = header.getPrefix();
      this.invert = header.getInvert();
    }

    boolean holds(@Nullable String value) {
      boolean matches =
          value != null
              && ((anyOf.isEmpty() && prefix.isEmpty())
                  || anyOf.contains(value)
                  || (!prefix.isEmpty() && value.startsWith(prefix)));
      return matches != invert;
    }
  }

  /** What all rules want of one header: the rules that each value rules out. */
  private static final class Column {
    final long users;
    private final Map<String, Long> listed = new HashMap<>();
    private final long unlisted;
    private final long missing;
    private final Condition[] prefixed;

    Column(List<Condition> conditions) {
      long asking = 0;
      List<Condition> exact = new ArrayList<>();
      List<Condition> prefixes = new ArrayList<>();
      for (Condition condition : conditions) {
        asking |= condition.rule;
        (condition.prefix.isEmpty() ? exact : prefixes).add(condition);
        if (condition.prefix.isEmpty()) {
          condition.anyOf.forEach(value -> listed.put(value, 0L));
        }
      }
      users = asking;
      missing = failing(conditions, null);
      listed.replaceAll((value, mask) -> failing(exact, value));
      // Neither a value that is listed nor a missing one: conditions that ask for presence hold.
      unlisted = failing(exact, unlistedValue());
      prefixed = prefixes.toArray(Condition[]::new);
    }

    private String unlistedValue() {
      StringBuilder value = new StringBuilder("?");
      while (listed.containsKey(value.toString())) {
        value.append('?');
      }
      return value.toString();
    }

    private static long failing(List<Condition> conditions, @Nullable String value) {
      long out = 0;
      for (Condition condition : conditions) {
        out |= condition.holds(value) ? 0 : condition.rule;
      }
      return out;
    }

    long ruledOut(@Nullable String value) {
      if (value == null) {
        return missing;
      }
      Long known = listed.get(value);
      long out = known == null ? unlisted : known;
      for (Condition condition : prefixed) {
        if (!condition.holds(value)) {
          out |= condition.rule;
        }
      }
      return out;
    }
  }
}
