package dev.understudy.launcher.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What this process has to live on: the Java version, processors, memory, and the bounds of its
 * control group (cgroup version 2). Stateless but for the folder that is read.
 */
final class Machine {
  static final Path CONTROL_GROUP = Path.of("/sys/fs/cgroup");

  private static final int JAVA = 25;
  private static final double GIB = 1 << 30;
  private static final double MOST_HEAP = 0.9;

  private Machine() {}

  /**
   * Looks at the machine.
   *
   * @param java the feature number of the running JDK
   * @param processors as the JDK counts them
   * @param maxHeapBytes the largest heap
   * @param group where the control group's files are
   */
  static List<Finding> look(int java, int processors, long maxHeapBytes, Path group) {
    List<Finding> findings = new ArrayList<>();
    findings.add(
        java >= JAVA
            ? Finding.ok("java", "this machine", "JDK " + java)
            : Finding.fail("java", "this machine", "JDK " + java, "run it with JDK 25 or newer"));
    double quota = cpuQuota(read(group.resolve("cpu.max")));
    String cores =
        processors
            + " processors"
            + (quota > 0 ? String.format(Locale.ROOT, ", bounded to %.2f", quota) : "");
    findings.add(
        quota > 0 && quota < 1
            ? Finding.warn(
                "processors",
                "this machine",
                cores,
                "give the container one processor or more: below it every pause shows in p99")
            : Finding.ok("processors", "this machine", cores));
    findings.add(memory(maxHeapBytes, number(read(group.resolve("memory.max")))));
    return findings;
  }

  private static Finding memory(long heap, long limit) {
    String text =
        String.format(Locale.ROOT, "heap of at most %.1f GiB", heap / GIB)
            + (limit > 0
                ? String.format(Locale.ROOT, ", the container may have %.1f GiB", limit / GIB)
                : ", no bound by a container");
    return limit > 0 && heap > MOST_HEAP * limit
        ? Finding.warn(
            "memory",
            "this machine",
            text,
            "lower -Xmx to at most three quarters of the container's memory, or it will be killed")
        : Finding.ok("memory", "this machine", text);
  }

  /** {@code "150000 100000"} is 1.5; {@code "max 100000"} and what cannot be read are 0. */
  private static double cpuQuota(String text) {
    int space = text.indexOf(' ');
    long quota = space < 0 ? 0 : number(text.substring(0, space));
    long period = space < 0 ? 0 : number(text.substring(space + 1));
    return quota > 0 && period > 0 ? (double) quota / period : 0;
  }

  private static long number(String text) {
    try {
      return Long.parseLong(text.strip());
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
