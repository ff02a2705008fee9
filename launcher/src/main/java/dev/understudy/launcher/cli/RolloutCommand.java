package dev.understudy.launcher.cli;

import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.proto.v1.ForecastResponse;
import dev.understudy.proto.v1.ListRolloutsRequest;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.PromoteRequest;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.StartRolloutRequest;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy rollout …}: what a person says to the controller about a rollout. */
@Command(
    name = "rollout",
    description = "Start, watch and steer rollouts.",
    subcommands = {
      RolloutCommand.Start.class,
      RolloutCommand.Status.class,
      RolloutCommand.ListAll.class,
      RolloutCommand.Watch.class,
      RolloutCommand.Promote.class,
      RolloutCommand.Abort.class,
      RolloutCommand.Pause.class,
      RolloutCommand.Resume.class,
      RolloutCommand.Retry.class,
      RolloutCommand.Undo.class,
      RolloutCommand.Forecast.class,
      RolloutCommand.Report.class,
      RolloutLogCommand.class,
      RolloutReplayCommand.class
    })
final class RolloutCommand {

  private RolloutCommand() {}

  /** How a command prints what it got. */
  enum Output {
    TEXT,
    JSON
  }

  /** A command to the controller. */
  abstract static class ToController extends RpcCommand {
    @Option(
        names = "--controller",
        paramLabel = "HOST:PORT",
        defaultValue = "${env:UNDERSTUDY_CONTROLLER:-127.0.0.1:8103}",
        description = "The rollout controller (default: ${DEFAULT-VALUE}).")
    String controller;

    @Option(
        names = "--output",
        paramLabel = "FORM",
        defaultValue = "TEXT",
        description = "text or json.")
    Output output;

    @Override
    String target() {
      return controller;
    }

    @Override
    int run(ManagedChannel channel) throws Exception {
      return ask(RolloutServiceGrpc.newBlockingStub(channel));
    }

    abstract int ask(RolloutServiceBlockingStub controller) throws Exception;

    int show(RolloutStatus status) throws IOException {
      if (output == Output.JSON) {
        printJson(status);
      } else {
        StatusText.print(status, out());
      }
      return 0;
    }

    void printJson(MessageOrBuilder message) throws IOException {
      out().println(JsonFormat.printer().preservingProtoFieldNames().print(message));
    }
  }

  /** A command about a model's latest rollout, or one rollout by its id. */
  abstract static class AboutRollout extends ToController {
    private static final Pattern ROLLOUT_ID =
        Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

    @Parameters(
        paramLabel = "MODEL|ROLLOUT",
        description = "A model (its latest rollout) or a rollout id.")
    String subject;

    @Option(
        names = "--reason",
        defaultValue = "",
        paramLabel = "TEXT",
        description = "Kept in the audit log.")
    String reason;

    /** Rollout ids are UUIDs. */
    boolean byId() {
      return ROLLOUT_ID.matcher(subject).matches();
    }

    RolloutRequest request() {
      RolloutRequest.Builder request = RolloutRequest.newBuilder();
      return (byId() ? request.setRolloutId(subject) : request.setModel(subject)).build();
    }

    dev.understudy.proto.v1.RolloutCommand command() {
      var command =
          dev.understudy.proto.v1.RolloutCommand.newBuilder().setActor(actor()).setReason(reason);
      return (byId() ? command.setRolloutId(subject) : command.setModel(subject)).build();
    }
  }

  static String actor() {
    return System.getProperty("user.name", "unknown");
  }

  @Command(name = "start", description = "Start the rollout that a plan describes.")
  static final class Start extends ToController {
    @Parameters(paramLabel = "PLAN", description = "YAML file.")
    Path plan;

    @Option(names = "--watch", description = "Go on printing until it has ended.")
    boolean watch;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      RolloutStatus status =
          controller.startRollout(
              StartRolloutRequest.newBuilder()
                  .setPlanYaml(Files.readString(plan))
                  .setActor(actor())
                  .build());
      show(status);
      return watch
          ? follow(
              this,
              controller,
              RolloutRequest.newBuilder().setRolloutId(status.getRolloutId()).build())
          : 0;
    }
  }

  @Command(name = "status", description = "Where a rollout stands, and what is missing.")
  static final class Status extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.getRollout(request()));
    }
  }

  @Command(name = "report", description = "The evidence of a rollout, as a report to read.")
  static final class Report extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      RolloutStatus status = controller.getRollout(request());
      if (!status.hasEvidence()) {
        err().println("error: " + status.getRolloutId() + " has no evidence yet");
        return 1;
      }
      ReportOut.print(status.getEvidence(), output, out());
      return 0;
    }
  }

  @Command(name = "list", description = "Rollouts, newest first.")
  static final class ListAll extends ToController {
    @Option(names = "--model", defaultValue = "", description = "Only of this model.")
    String model;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      var answer =
          controller.listRollouts(ListRolloutsRequest.newBuilder().setModel(model).build());
      if (output == Output.JSON) {
        printJson(answer);
        return 0;
      }
      for (RolloutStatus status : answer.getRolloutsList()) {
        out()
            .printf(
                "%-28s %-12s %s%n", status.getRolloutId(), status.getPhase(), status.getHeadline());
      }
      return 0;
    }
  }

  @Command(name = "watch", description = "Print each change until the rollout has ended.")
  static final class Watch extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return follow(this, controller, request());
    }
  }

  @Command(name = "promote", description = "Take the next step without waiting for proof.")
  static final class Promote extends AboutRollout {
    @Option(names = "--full", description = "Make the challenger champion now.")
    boolean full;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      PromoteRequest.Builder request = PromoteRequest.newBuilder().setActor(actor()).setFull(full);
      return show(
          controller.promote(
              (byId() ? request.setRolloutId(subject) : request.setModel(subject)).build()));
    }
  }

  @Command(name = "abort", description = "Stop: all traffic to the champion.")
  static final class Abort extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.abort(command()));
    }
  }

  @Command(name = "pause", description = "Hold the present step.")
  static final class Pause extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.pause(command()));
    }
  }

  @Command(name = "resume", description = "Go on after a pause.")
  static final class Resume extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.resume(command()));
    }
  }

  @Command(name = "retry", description = "Start the same plan again, as the next attempt.")
  static final class Retry extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.retry(command()));
    }
  }

  @Command(name = "undo", description = "Return to the champion before the last promotion.")
  static final class Undo extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.undo(command()));
    }
  }

  @Command(
      name = "forecast",
      description = "Say what a plan will do and how much traffic its evidence needs.")
  static final class Forecast extends ToController {
    @Parameters(paramLabel = "PLAN", description = "YAML file.")
    Path plan;

    @Option(
        names = "--rate",
        required = true,
        paramLabel = "PER_SECOND",
        description = "Expected requests per second.")
    double rate;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      ForecastResponse forecast =
          controller.forecast(
              StartRolloutRequest.newBuilder()
                  .setPlanYaml(Files.readString(plan))
                  .setActor(actor())
                  .setRequestsPerSecond(rate)
                  .build());
      if (output == Output.JSON) {
        printJson(forecast);
      } else {
        out().println(forecast.getText());
      }
      return 0;
    }
  }

  /** {@code understudy rollback MODEL}: valid in every state. */
  @Command(
      name = "rollback",
      description =
          "All traffic of a model to its champion, now; after a promotion, to the champion before"
              + " it.")
  static final class Rollback extends AboutRollout {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      return show(controller.rollback(command()));
    }
  }

  private static int follow(
      ToController command, RolloutServiceBlockingStub controller, RolloutRequest request)
      throws IOException {
    Iterator<RolloutStatus> statuses = controller.watchRollout(request);
    String last = "";
    while (statuses.hasNext()) {
      RolloutStatus status = statuses.next();
      if (command.output == Output.JSON) {
        command.printJson(status);
      } else if (!status.getHeadline().equals(last)) {
        last = status.getHeadline();
        command.out().println(StatusText.line(status));
      }
      command.out().flush();
      Phase phase = status.getPhase();
      if (phase == Phase.HEALTHY || phase == Phase.DEGRADED) {
        return phase == Phase.HEALTHY ? 0 : 1;
      }
    }
    return 0;
  }
}
