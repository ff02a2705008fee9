package dev.understudy.router.config;

import dev.understudy.chassis.config.Section;
import dev.understudy.proto.contract.ContractException;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.routing.SplitFile;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Hedging;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.table.TableException;
import dev.understudy.router.table.Tables;
import dev.understudy.router.table.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * The {@code models:} of a router without a controller. Signatures are not written down; they are
 * learned from the champions.
 */
final class StaticTable {
  private enum Overflow {
    DROP,
    BLOCK,
    REFUSE
  }

  private static final int MAX_CONTRACT_BYTES = 1 << 20;

  private StaticTable() {}

  /**
   * Reads {@code models:} and {@code passThrough:}.
   *
   * @param profiles names that arms may use
   */
  static RoutingTable read(Section root, Set<String> profiles) {
    RoutingTable.Builder table = RoutingTable.newBuilder().setRevision(1).setEpoch(0);
    root.namedSections("models")
        .forEach((name, section) -> table.addModels(model(name, section, profiles)));
    if (root.has("passThrough")) {
      Section section = root.section("passThrough");
      PassThrough.Builder pass = PassThrough.newBuilder().setProfile(section.string("profile", ""));
      endpoints(section).forEach(pass::addEndpoints);
      compile(
          section, "endpoints", RoutingTable.newBuilder().setPassThrough(pass).build(), profiles);
      table.setPassThrough(pass);
    }
    return table.build();
  }

  private static void compile(
      Section section, String key, RoutingTable table, Set<String> profiles) {
    try {
      var _ = Tables.compile(table, true, profiles);
    } catch (TableException e) {
      section.problem(key, String.valueOf(e.getMessage()));
    }
  }

  private static ModelRoute model(String name, Section section, Set<String> profiles) {
    ModelRoute.Builder route = ModelRoute.newBuilder().setModel(name).setSalt(name);
    if (section.has("upstreamModel")) {
      section.problem("upstreamModel", "belongs to an arm");
    }
    if (!section.has("champion")) {
      section.problem("champion", "missing");
    } else {
      route.addArms(arm("champion", Role.CHAMPION, section.section("champion")));
    }
    boolean trial = false;
    if (section.has("canary")) {
      Section canary = section.section("canary");
      route
          .addArms(arm("canary", Role.CANARY, canary))
          .setCanaryWeightBp(basisPoints(canary, "weight"));
      trial = true;
    }
    if (section.has("control")) {
      Section control = section.section("control");
      route
          .addArms(arm("control", Role.CONTROL, control))
          .setControlWeightBp(basisPoints(control, "weight"));
    }
    if (section.has("benchmark")) {
      route.addArms(arm("benchmark", Role.BENCHMARK, section.section("benchmark")));
    }
    trial |= MirrorSection.read(section, route);
    if (trial) {
      route.setRolloutId(section.string("rollout", "static-" + name)).setDecisionRevision(1);
    }
    String key = section.optionalString("splitBy");
    if (key != null) {
      route.setUnit(RandomisationUnit.KEY).setKeyMetadata(key.toLowerCase(Locale.ROOT));
    }
    if (section.has("hedging")) {
      route.setHedging(hedging(section.section("hedging")));
    }
    Path contract = section.optionalPath("contract");
    if (contract != null) {
      contract(section, contract, route);
    }
    route
        .setTryTimeoutMs(section.duration("tryTimeout", Duration.ZERO).toMillis())
        .setPayloadSampleBp((int) Math.round(section.ratio("payloads", 0) * 10_000))
        .setLineageOverflow(
            switch (section.choice("lineage", Overflow.class, Overflow.DROP)) {
              case DROP -> LineageOverflow.LINEAGE_DROP;
              case BLOCK -> LineageOverflow.LINEAGE_BLOCK;
              case REFUSE -> LineageOverflow.LINEAGE_REFUSE;
            });
    boolean sound = SplitFile.read(section::tree, section::problem, route);
    ModelRoute whole = route.build();
    if (sound && section.has("champion")) {
      compile(section, "champion", RoutingTable.newBuilder().addModels(whole).build(), profiles);
    }
    return whole;
  }

  static Arm arm(String name, Role role, Section section) {
    Arm.Builder arm =
        Arm.newBuilder()
            .setName(name)
            .setRole(role)
            .setVersion(section.string("version"))
            .setUpstreamModel(section.string("model", ""))
            .setUpstreamVersion(section.string("upstreamVersion", ""))
            .setProfile(section.string("profile", ""));
    return arm.addAllEndpoints(endpoints(section)).build();
  }

  private static List<String> endpoints(Section section) {
    List<String> endpoints = new ArrayList<>();
    for (String endpoint : section.strings("endpoints")) {
      try {
        endpoints.add(Target.parse(endpoint).toString());
      } catch (IllegalArgumentException e) {
        section.problem("endpoints", String.valueOf(e.getMessage()));
      }
    }
    return endpoints;
  }

  private static Hedging hedging(Section section) {
    return Hedging.newBuilder()
        .setDelayMs(section.duration("delay", Duration.ZERO).toMillis())
        .setBudgetBp(basisPoints(section, "budget"))
        .build();
  }

  static int basisPoints(Section section, String key) {
    return (int) Math.round(section.ratio(key, 0) * Tables.WHOLE);
  }

  private static void contract(Section section, Path file, ModelRoute.Builder route) {
    try {
      if (Files.size(file) > MAX_CONTRACT_BYTES) {
        section.problem("contract", file + " is larger than " + MAX_CONTRACT_BYTES + " bytes");
        return;
      }
      Object tree =
          new Load(LoadSettings.builder().setMaxAliasesForCollections(0).build())
              .loadFromString(Files.readString(file));
      if (tree instanceof Map<?, ?> map) {
        route.setContract(ContractFile.parse(file.toString(), map));
      } else {
        section.problem("contract", file + " is not a mapping");
      }
    } catch (ContractException e) {
      e.problems().forEach(problem -> section.problem("contract", file + ": " + problem));
    } catch (YamlEngineException e) {
      String text = String.valueOf(e.getMessage());
      section.problem(
          "contract", file + " is not valid YAML: " + text.lines().findFirst().orElse(""));
    } catch (IOException e) {
      section.problem("contract", file + " cannot be read: " + e.getMessage());
    }
  }
}
