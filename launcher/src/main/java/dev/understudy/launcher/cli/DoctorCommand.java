package dev.understudy.launcher.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.launcher.doctor.Doctor;
import dev.understudy.launcher.doctor.Finding;
import dev.understudy.launcher.doctor.Peer.Kind;
import dev.understudy.launcher.doctor.Subjects;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code understudy doctor}: what is wrong with a deployment, and what to do. */
@Command(
    name = "doctor",
    description = {
      "Look at this machine and at running services, and say what is wrong and what to do.",
      "Without options: the services on their default ports of this machine."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:nothing is broken; there may be warnings",
      "1:something is broken",
      "2:the command line or a configuration is wrong"
    })
final class DoctorCommand implements Callable<Integer> {
  private static final String ADDRESS = "HOST:PORT";

  @Spec CommandSpec spec;

  @Mixin Reach reach;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration of a router, of control, or of one of its services: its ports, folders and"
              + " peers are looked at. May be repeated.")
  List<Path> configs = List.of();

  @Option(
      names = "--router",
      paramLabel = ADDRESS,
      description = "A router's admin port. May be repeated.")
  List<String> routers = List.of();

  @Option(names = "--controller", paramLabel = ADDRESS, description = "The rollout controller.")
  List<String> controllers = List.of();

  @Option(names = "--comparator", paramLabel = ADDRESS, description = "The shadow comparator.")
  List<String> comparators = List.of();

  @Option(names = "--collector", paramLabel = ADDRESS, description = "The metrics collector.")
  List<String> collectors = List.of();

  @Option(
      names = "--model-server",
      paramLabel = ADDRESS,
      description = "A server of the Open Inference Protocol. May be repeated.")
  List<String> servers = List.of();

  @Option(
      names = "--output",
      paramLabel = "FORM",
      defaultValue = "TEXT",
      description = "text or json.")
  RolloutCommand.Output output;

  @Override
  public Integer call() throws Exception {
    Subjects subjects = new Subjects();
    ChannelOptions options = reach.options();
    subjects.servers(options);
    add(subjects, Kind.ROUTER, routers, options);
    add(subjects, Kind.CONTROLLER, controllers, options);
    add(subjects, Kind.COMPARATOR, comparators, options);
    add(subjects, Kind.COLLECTOR, collectors, options);
    add(subjects, Kind.MODEL_SERVER, servers, options);
    try {
      configs.forEach(subjects::config);
    } catch (dev.understudy.chassis.config.ConfigException e) {
      spec.commandLine().getErr().println("error: " + String.join("\n", e.problems()));
      return 2;
    }
    if (configs.isEmpty() && subjects.isEmpty()) {
      subjects.peer(Kind.ROUTER, HostPort.loopback(8091), options);
      subjects.peer(Kind.CONTROLLER, HostPort.loopback(8103), options);
      subjects.peer(Kind.COMPARATOR, HostPort.loopback(8101), options);
      subjects.peer(Kind.COLLECTOR, HostPort.loopback(8102), options);
    }
    List<Finding> findings = Doctor.examine(subjects);
    PrintWriter out = spec.commandLine().getOut();
    if (output == RolloutCommand.Output.JSON) {
      out.println(json(findings));
    } else {
      print(findings, out);
    }
    out.flush();
    return count(findings, Finding.Level.FAIL) == 0 ? 0 : 1;
  }

  private void add(Subjects subjects, Kind kind, List<String> addresses, ChannelOptions options) {
    for (String address : addresses) {
      try {
        subjects.peer(kind, HostPort.parse(address), options);
      } catch (IllegalArgumentException e) {
        throw new ParameterException(
            spec.commandLine(), "'" + address + "' is no address (expected host:port)", e);
      }
    }
  }

  private static long count(List<Finding> findings, Finding.Level level) {
    return findings.stream().filter(finding -> finding.level() == level).count();
  }

  private static void print(List<Finding> findings, PrintWriter out) {
    for (Finding finding : findings) {
      String mark =
          switch (finding.level()) {
            case OK -> "✓";
            case WARN -> "!";
            case FAIL -> "✗";
          };
      out.printf("%s %-13s %s: %s%n", mark, finding.check(), finding.subject(), finding.text());
      if (!finding.advice().isEmpty()) {
        out.printf("  %-13s → %s%n", "", finding.advice());
      }
    }
    out.printf(
        "%d looked at, %d to watch, %d broken%n",
        findings.size(), count(findings, Finding.Level.WARN), count(findings, Finding.Level.FAIL));
  }

  private static String json(List<Finding> findings) {
    JsonArray list = new JsonArray();
    for (Finding finding : findings) {
      JsonObject one = new JsonObject();
      one.addProperty("level", finding.level().name().toLowerCase(Locale.ROOT));
      one.addProperty("check", finding.check());
      one.addProperty("subject", finding.subject());
      one.addProperty("text", finding.text());
      one.addProperty("advice", finding.advice());
      list.add(one);
    }
    JsonObject whole = new JsonObject();
    whole.addProperty("broken", count(findings, Finding.Level.FAIL));
    whole.addProperty("warnings", count(findings, Finding.Level.WARN));
    whole.add("findings", list);
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(whole);
  }
}
