package dev.understudy.router.call;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A set of model names, given by names and patterns. In a pattern {@code *} stands for any text,
 * the empty one included; nothing else is special. Immutable; any thread; asking allocates nothing.
 */
public final class ModelScope {
  /** The most characters that a model's name may have. */
  public static final int MOST_NAME_CHARS = 256;

  /** Every model. */
  public static final ModelScope ALL = new ModelScope(List.of("*"));

  /** No model. */
  public static final ModelScope NONE = new ModelScope(List.of());

  private final boolean all;
  private final Set<String> names;
  private final String[] patterns;

  private ModelScope(Collection<String> entries) {
    Set<String> exact = new HashSet<>();
    List<String> globs = new ArrayList<>();
    for (String entry : entries) {
      if (entry.indexOf('*') < 0) {
        exact.add(entry);
      } else {
        globs.add(entry);
      }
    }
    all = globs.contains("*");
    names = Set.copyOf(exact);
    patterns = globs.toArray(new String[0]);
  }

  /** The models that at least one entry names. */
  public static ModelScope of(Collection<String> entries) {
    return entries.isEmpty() ? NONE : new ModelScope(entries);
  }

  /** Whether the model belongs. What is too long for a name belongs to nothing but all. */
  public boolean contains(String model) {
    if (all) {
      return true;
    }
    if (model.length() > MOST_NAME_CHARS) {
      return false;
    }
    if (names.contains(model)) {
      return true;
    }
    for (String pattern : patterns) {
      if (matches(pattern, model)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Remembers the last star alone: whatever an earlier one could take instead, the last can too.
   * The time is at most the product of the lengths.
   */
  private static boolean matches(String pattern, String text) {
    int p = 0;
    int t = 0;
    int star = -1;
    int resume = 0;
    while (t < text.length()) {
      // A star in the text is an ordinary character, so the pattern's star is looked at first.
      if (p < pattern.length() && pattern.charAt(p) == '*') {
        star = p++;
        resume = t;
      } else if (p < pattern.length() && pattern.charAt(p) == text.charAt(t)) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++resume;
      } else {
        return false;
      }
    }
    while (p < pattern.length() && pattern.charAt(p) == '*') {
      p++;
    }
    return p == pattern.length();
  }
}
