package dev.understudy.evidence.simulation;

import dev.understudy.evidence.simulation.Svg.Point;
import java.util.ArrayList;
import java.util.List;

/** A frame with two axes on a picture, into which lines are drawn. */
final class Plot {
  private static final double CURVE = 2;

  /**
   * One axis.
   *
   * @param low value at its start
   * @param high value at its end
   * @param logarithmic whether equal lengths are equal ratios; both ends are then above 0
   */
  record Axis(double low, double high, boolean logarithmic) {
    static Axis linear(double low, double high) {
      return new Axis(low, high, false);
    }

    static Axis log(double low, double high) {
      return new Axis(low, high, true);
    }

    /** 0 at the start, 1 at the end; values beyond are drawn at the end. */
    double place(double value) {
      double place =
          logarithmic
              ? StrictMath.log(StrictMath.max(value, 1e-300) / low) / StrictMath.log(high / low)
              : (value - low) / (high - low);
      return Math.clamp(place, 0.0, 1.0);
    }
  }

  /** A tick and what is written beside it. */
  record Tick(double at, String label) {}

  private final Svg svg;
  private final double left;
  private final double top;
  private final double width;
  private final double height;
  private final Axis across;
  private final Axis up;

  Plot(Svg svg, double left, double top, double width, double height, Axis across, Axis up) {
    this.svg = svg;
    this.left = left;
    this.top = top;
    this.width = width;
    this.height = height;
    this.across = across;
    this.up = up;
  }

  double x(double value) {
    return left + width * across.place(value);
  }

  double y(double value) {
    return top + height * (1 - up.place(value));
  }

  Plot frame(String name, List<Tick> acrossTicks, List<Tick> upTicks) {
    for (Tick tick : upTicks) {
      double y = y(tick.at());
      svg.line(left, y, left + width, y, "grid", 1);
      svg.text(left - 8, y + 4, "soft small", "end", tick.label());
    }
    for (Tick tick : acrossTicks) {
      double x = x(tick.at());
      svg.line(x, top + height, x, top + height + 4, "frame", 1);
      svg.text(x, top + height + 18, "soft small", "middle", tick.label());
    }
    svg.line(left, top + height, left + width, top + height, "frame", 1);
    svg.text(left, top - 10, "text", "start", name);
    return this;
  }

  Plot below(String words) {
    svg.text(left + width / 2, top + height + 36, "soft small", "middle", words);
    return this;
  }

  /** A level that matters, with its name at the right end above it. */
  Plot level(double value, String colour, String name) {
    svg.dashed(left, y(value), left + width, y(value), colour);
    svg.text(left + width - 4, y(value) - 6, "f" + colour + " small", "end", name);
    return this;
  }

  /** As {@link #level}, with its name below it. */
  Plot levelBelow(double value, String colour, String name) {
    svg.dashed(left, y(value), left + width, y(value), colour);
    svg.text(left + width - 4, y(value) + 16, "f" + colour + " small", "end", name);
    return this;
  }

  Plot curve(List<Point> values, String colour, double opacity) {
    List<Point> points = new ArrayList<>(values.size());
    for (Point value : values) {
      points.add(new Point(x(value.x()), y(value.y())));
    }
    svg.polyline(points, colour, CURVE, opacity);
    return this;
  }

  Plot dot(Point value, String colour) {
    svg.dot(x(value.x()), y(value.y()), 4, "f" + colour, 1);
    return this;
  }

  /** Words beside a value. */
  Plot note(Point value, double right, double down, String colour, String anchor, String words) {
    svg.text(x(value.x()) + right, y(value.y()) + down, "f" + colour + " small", anchor, words);
    return this;
  }
}
