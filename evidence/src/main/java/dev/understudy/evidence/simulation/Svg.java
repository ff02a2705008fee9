package dev.understudy.evidence.simulation;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A picture in the making: plain SVG with colours for light and dark, numbers to a tenth of a
 * pixel, so that the same figures give the same bytes.
 */
final class Svg {
  static final String BLUE = "blue";
  static final String ORANGE = "orange";
  static final String RED = "red";
  static final String GREEN = "green";
  static final String GREY = "grey";

  private static final String STYLE =
      """
      <style>
      .card{fill:#ffffff}.edge{stroke:#d0d7de}.text{fill:#1f2328}.soft{fill:#59636e}
      .grid{stroke:#e4e8ec}.frame{stroke:#8c959f}
      .blue{stroke:#0b62d6}.orange{stroke:#bc5b00}.red{stroke:#cf222e}.green{stroke:#1a7f37}.grey{stroke:#8c959f}
      .fblue{fill:#0b62d6}.forange{fill:#bc5b00}.fred{fill:#cf222e}.fgreen{fill:#1a7f37}.fgrey{fill:#8c959f}
      @media (prefers-color-scheme:dark){
      .card{fill:#0d1117}.edge{stroke:#30363d}.text{fill:#e6edf3}.soft{fill:#9da7b3}
      .grid{stroke:#21262d}.frame{stroke:#6e7681}
      .blue{stroke:#6cb0ff}.orange{stroke:#f0a04b}.red{stroke:#ff7b72}.green{stroke:#56d364}.grey{stroke:#8b949e}
      .fblue{fill:#6cb0ff}.forange{fill:#f0a04b}.fred{fill:#ff7b72}.fgreen{fill:#56d364}.fgrey{fill:#8b949e}}
      text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
      .title{font-size:16px;font-weight:600}.small{font-size:12px}
      polyline,line,path{fill:none;stroke-linejoin:round}
      </style>
      """;

  record Point(double x, double y) {}

  private final StringBuilder body = new StringBuilder(8192);
  private final int width;
  private final int height;
  private final String description;

  /**
   * An empty card.
   *
   * @param description what is to be seen, for those who cannot see it
   */
  Svg(int width, int height, String description) {
    this.width = width;
    this.height = height;
    this.description = description;
  }

  Svg title(String title, String below) {
    text(24, 32, "text title", "start", title);
    return text(24, 52, "soft", "start", below);
  }

  /**
   * Text.
   *
   * @param classes of the style, separated by blanks
   * @param anchor {@code start}, {@code middle} or {@code end}
   */
  Svg text(double x, double y, String classes, String anchor, String text) {
    open("text", "x", number(x), "y", number(y), "class", classes, "text-anchor", anchor);
    body.append('>').append(escaped(text)).append("</text>\n");
    return this;
  }

  Svg line(double x1, double y1, double x2, double y2, String classes, double strokeWidth) {
    open("line", "x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2));
    return close("class", classes, "stroke-width", number(strokeWidth));
  }

  Svg dashed(double x1, double y1, double x2, double y2, String classes) {
    return line(x1, y1, x2, y2, classes + "\" stroke-dasharray=\"6 4", 1.5);
  }

  Svg polyline(List<Point> points, String classes, double strokeWidth, double opacity) {
    String path =
        points.stream()
            .map(point -> number(point.x()) + "," + number(point.y()))
            .collect(Collectors.joining(" "));
    open("polyline", "class", classes, "stroke-width", number(strokeWidth));
    return close("opacity", number(opacity), "points", path);
  }

  Svg dot(double x, double y, double radius, String classes, double opacity) {
    open("circle", "cx", number(x), "cy", number(y), "r", number(radius));
    return close("class", classes, "opacity", number(opacity));
  }

  Svg box(double x, double y, double w, double h, String classes, double opacity) {
    open("rect", "x", number(x), "y", number(y), "width", number(w), "height", number(h));
    return close("class", classes, "opacity", number(opacity));
  }

  private void open(String element, String... attributes) {
    body.append('<').append(element);
    attributes(attributes);
  }

  private Svg close(String... attributes) {
    attributes(attributes);
    body.append("/>\n");
    return this;
  }

  /** Names and values in turn. */
  private void attributes(String... attributes) {
    for (int i = 0; i < attributes.length; i += 2) {
      body.append(' ').append(attributes[i]).append("=\"").append(attributes[i + 1]).append('"');
    }
  }

  /** The whole file. */
  String file() {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
        + width
        + " "
        + height
        + "\" width=\""
        + width
        + "\" height=\""
        + height
        + "\" role=\"img\">\n<title>"
        + escaped(description)
        + "</title>\n"
        + STYLE
        + "<rect x=\"0.5\" y=\"0.5\" width=\""
        + (width - 1)
        + "\" height=\""
        + (height - 1)
        + "\" rx=\"8\" class=\"card edge\"/>\n"
        + body
        + "</svg>\n";
  }

  static String number(double value) {
    double tenths = StrictMath.rint(value * 10) / 10;
    return tenths == StrictMath.rint(tenths)
        ? Long.toString((long) tenths)
        : String.format(Locale.ROOT, "%.1f", tenths);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
