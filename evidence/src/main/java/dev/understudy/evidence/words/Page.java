package dev.understudy.evidence.words;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Plain text of at most {@value #WIDTH} columns: headings, wrapped sentences, tables. What comes
 * from outside (names, labels, ids) is cleaned of control and formatting characters, so that no
 * value of a feature can steer a terminal. Not thread-safe.
 */
final class Page {
  static final int WIDTH = 100;
  private static final String INDENT = "  ";

  private final StringBuilder text = new StringBuilder();

  /** One line that is known to fit. */
  void line(String line) {
    text.append(line.stripTrailing()).append('\n');
  }

  /** An empty line, and the title of what follows. */
  void heading(String title) {
    text.append('\n').append(title).append('\n');
  }

  /** A sentence after {@code lead}; further lines start below the sentence. */
  void sentence(String lead, String sentence) {
    StringBuilder line = new StringBuilder(lead);
    boolean fresh = true;
    for (String word : clean(sentence).split(" ", -1)) {
      if (!fresh && line.length() + 1 + word.length() > WIDTH) {
        line(line.toString());
        line.setLength(0);
        line.append(" ".repeat(lead.length()));
        fresh = true;
      }
      line.append(fresh ? "" : " ").append(word);
      fresh = false;
    }
    line(line.toString());
  }

  /** A sentence, indented once. */
  void sentence(String sentence) {
    sentence(INDENT, sentence);
  }

  /**
   * A table, indented once; its first row are the titles. The first {@code left} columns are
   * aligned to the left, the others to the right.
   */
  void table(int left, List<List<String>> rows) {
    List<Integer> widths = widths(left, rows);
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder(INDENT);
      for (int i = 0; i < row.size(); i++) {
        String cell = cut(row.get(i), widths.get(i));
        String padding = " ".repeat(widths.get(i) - cell.length());
        line.append(i > 0 ? INDENT : "").append(i < left ? cell + padding : padding + cell);
      }
      line(line.toString());
    }
  }

  /** As wide as their widest cell; where a line would be too wide, the widest text gives way. */
  private static List<Integer> widths(int left, List<List<String>> rows) {
    List<Integer> widths = new ArrayList<>();
    for (List<String> row : rows) {
      for (int i = 0; i < row.size(); i++) {
        int width = clean(row.get(i)).length();
        if (i == widths.size()) {
          widths.add(width);
        } else {
          widths.set(i, Math.max(widths.get(i), width));
        }
      }
    }
    int all = widths.stream().mapToInt(width -> width + INDENT.length()).sum();
    for (int excess = all - WIDTH; excess > 0; excess--) {
      int widest = 0;
      for (int i = 1; i < left; i++) {
        widest = widths.get(i) > widths.get(widest) ? i : widest;
      }
      widths.set(widest, Math.max(1, widths.get(widest) - 1));
    }
    return widths;
  }

  /** Without characters that a terminal obeys instead of showing. */
  static String clean(String outside) {
    StringBuilder clean = new StringBuilder(outside.length());
    outside
        .codePoints()
        .map(point ->
            switch (Character.getType(point)) {
              case Character.CONTROL,
                  Character.FORMAT,
                  Character.SURROGATE,
                  Character.LINE_SEPARATOR,
                  Character.PARAGRAPH_SEPARATOR ->
                  '?';
              default -> point;
            })
        .forEach(clean::appendCodePoint);
    return clean.toString();
  }

  /** "1,234 requests", "1 request". */
  static String counted(long count, String singular) {
    return Numbers.count(count) + " " + singular + (count == 1 ? "" : "s");
  }

  /** A name of the protocol as a word: {@code MIRRORED_CONTROL} as "mirrored control". */
  static String word(Enum<?> name) {
    return name.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private static String cut(String value, int width) {
    String clean = clean(value);
    return clean.length() <= width ? clean : clean.substring(0, width - 1) + "…";
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
