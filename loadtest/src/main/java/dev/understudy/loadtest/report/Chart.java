package dev.understudy.loadtest.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.function.DoubleUnaryOperator;

/**
 * One chart as SVG text: axes with ticks, lines, bars, whiskers and marks, coloured by the page's
 * style sheet. Positions along the x axis may carry a text that the page's script shows under the
 * pointer. Values that are not finite leave a gap.
 */
final class Chart {
  private static final int WIDTH = 560;
  private static final int HEIGHT = 280;
  private static final int LEFT = 62;
  private static final int RIGHT = 14;
  private static final int TOP = 12;
  private static final int BOTTOM = 40;

  /** How values become positions: from 0 (low end) to 1. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Axis(
      DoubleUnaryOperator place, double[] ticks, DoubleFunction<String> label, String title) {

    /** From low to high in equal steps. */
    static Axis linear(double low, double high, String title, DoubleFunction<String> label) {
      double top = high > low ? high : low + 1;
      double step = niceStep((top - low) / 5);
      List<Double> ticks = new ArrayList<>();
      for (double tick = Math.ceil(low / step) * step; tick <= top + step * 1e-6; tick += step) {
        ticks.add(tick);
      }
      return new Axis(
          value -> (value - low) / (top - low),
          ticks.stream().mapToDouble(Double::doubleValue).toArray(),
          label,
          title);
    }

    /** Equal ratios; ticks at powers of ten and, where there is room, their double and fivefold. */
    static Axis log(double low, double high, String title, DoubleFunction<String> label) {
      double bottom = Math.max(low, 1e-9);
      double top = Math.max(high, bottom * 1.5);
      double decades = Math.log10(top / bottom);
      List<Double> ticks = new ArrayList<>();
      for (double power = Math.pow(10, Math.floor(Math.log10(bottom))); power <= top; power *= 10) {
        for (double each : decades < 3 ? new double[] {1, 2, 5} : new double[] {1}) {
          double tick = power * each;
          if (tick >= bottom * .999 && tick <= top * 1.001) {
            ticks.add(tick);
          }
        }
      }
      return new Axis(
          value -> Math.log(Math.max(value, bottom) / bottom) / Math.log(top / bottom),
          ticks.stream().mapToDouble(Double::doubleValue).toArray(),
          label,
          title);
    }

    private static double niceStep(double rough) {
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double ratio = rough / power;
      return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
    }
  }

  private record Key(String style, String name) {}

  private final String title;
  private final String explanation;
  private final Axis x;
  private final Axis y;
  private final StringBuilder drawn = new StringBuilder();
  private final List<Key> keys = new ArrayList<>();
  private final StringBuilder hints = new StringBuilder();

  Chart(String title, String explanation, Axis x, Axis y) {
    this.title = title;
    this.explanation = explanation;
    this.x = x;
    this.y = y;
  }

  private double px(double value) {
    return LEFT + Math.clamp(x.place().applyAsDouble(value), 0, 1) * (WIDTH - LEFT - RIGHT);
  }

  private double py(double value) {
    return HEIGHT
        - BOTTOM
        - Math.clamp(y.place().applyAsDouble(value), 0, 1) * (HEIGHT - TOP - BOTTOM);
  }

  /** A line through points; {@code style} is a class of the style sheet. */
  Chart line(String style, String name, double[] xs, double[] ys) {
    StringBuilder path = new StringBuilder();
    boolean gap = true;
    for (int i = 0; i < xs.length; i++) {
      if (!Double.isFinite(ys[i])) {
        gap = true;
        continue;
      }
      path.append(String.format(Locale.ROOT, "%s%.1f %.1f", gap ? "M" : "L", px(xs[i]), py(ys[i])));
      gap = false;
    }
    drawn.append(String.format(Locale.ROOT, "<path class='line %s' d='%s'/>", style, path));
    keys.add(new Key(style, name));
    return this;
  }

  /** Bars from the bottom, each from one x to another. */
  Chart bars(String style, String name, double[] from, double[] to, double[] heights) {
    double ground = HEIGHT - BOTTOM;
    for (int i = 0; i < heights.length; i++) {
      if (heights[i] > 0) {
        double left = px(from[i]);
        double top = py(heights[i]);
        drawn.append(
            String.format(
                Locale.ROOT,
                "<rect class='bar %s' x='%.1f' y='%.1f' width='%.1f' height='%.1f'/>",
                style,
                left,
                top,
                Math.max(.8, px(to[i]) - left - .6),
                Math.max(0, ground - top)));
      }
    }
    keys.add(new Key(style, name));
    return this;
  }

  /** A vertical interval at one place. */
  Chart whisker(String style, double at, double low, double high) {
    double middle = px(at);
    drawn.append(
        String.format(
            Locale.ROOT,
            "<path class='whisker %s' d='M%.1f %.1fH%.1fM%.1f %.1fV%.1fM%.1f %.1fH%.1f'/>",
            style,
            middle - 3,
            py(low),
            middle + 3,
            middle,
            py(low),
            py(high),
            middle - 3,
            py(high),
            middle + 3));
    return this;
  }

  /** A dot. */
  Chart dot(String style, double atX, double atY) {
    drawn.append(
        String.format(
            Locale.ROOT,
            "<circle class='dot %s' cx='%.1f' cy='%.1f' r='3.2'/>",
            style,
            px(atX),
            py(atY)));
    return this;
  }

  /** A vertical line with a word beside it. */
  Chart mark(double at, String word) {
    double left = px(at);
    boolean room = left < WIDTH - 120;
    drawn.append(
        String.format(
            Locale.ROOT,
            "<path class='mark' d='M%.1f %dV%d'/><text class='word' x='%.1f' y='%d'"
                + " text-anchor='%s'>%s</text>",
            left,
            TOP,
            HEIGHT - BOTTOM,
            room ? left + 4 : left - 4,
            TOP + 10,
            room ? "start" : "end",
            escape(word)));
    return this;
  }

  /** What the pointer shows near an x. */
  Chart hint(double at, String text) {
    hints.append(
        String.format(
            Locale.ROOT, "%s[%.1f,\"%s\"]", hints.isEmpty() ? "" : ",", px(at), json(text)));
    return this;
  }

  /** The chart as a figure of the page. */
  String html() {
    StringBuilder out = new StringBuilder();
    out.append("<figure class='chart' data-hints='")
        .append(escape("[" + hints + "]"))
        .append("'><figcaption><b>")
        .append(escape(title))
        .append("</b><span class='keys'>");
    for (Key key : keys) {
      out.append("<span><i class='key ")
          .append(key.style())
          .append("'></i>")
          .append(escape(key.name()))
          .append("</span>");
    }
    out.append("</span></figcaption>");
    out.append(
        String.format(
            Locale.ROOT,
            "<svg viewBox='0 0 %d %d' role='img' aria-label='%s'>",
            WIDTH,
            HEIGHT,
            escape(title + ". " + explanation)));
    for (double tick : y.ticks()) {
      double at = py(tick);
      out.append(
          String.format(
              Locale.ROOT,
              "<path class='grid' d='M%d %.1fH%d'/><text class='tick' x='%d' y='%.1f'"
                  + " text-anchor='end'>%s</text>",
              LEFT,
              at,
              WIDTH - RIGHT,
              LEFT - 7,
              at + 3.5,
              escape(y.label().apply(tick))));
    }
    for (double tick : x.ticks()) {
      double at = px(tick);
      out.append(
          String.format(
              Locale.ROOT,
              "<path class='grid' d='M%.1f %dV%d'/><text class='tick' x='%.1f' y='%d'"
                  + " text-anchor='middle'>%s</text>",
              at,
              TOP,
              HEIGHT - BOTTOM,
              at,
              HEIGHT - BOTTOM + 15,
              escape(x.label().apply(tick))));
    }
    out.append(
        String.format(
            Locale.ROOT,
            "<text class='axis' x='%d' y='%d' text-anchor='middle'>%s</text><text class='axis'"
                + " transform='translate(13 %d) rotate(-90)' text-anchor='middle'>%s</text>",
            (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 6,
            escape(x.title()),
            (TOP + HEIGHT - BOTTOM) / 2,
            escape(y.title())));
    out.append(drawn)
        .append("<path class='pointer' d=''/></svg><p>")
        .append(escape(explanation))
        .append("</p></figure>\n");
    return out.toString();
  }

  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }

  private static String json(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
