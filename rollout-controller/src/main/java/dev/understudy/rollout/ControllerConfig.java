package dev.understudy.rollout;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.proto.contract.ContractException;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.rollout.routing.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * The configuration of the rollout controller.
 *
 * <pre>{@code
 * listen: 127.0.0.1:8103
 * state: ./state                      # a directory
 * evidence: 127.0.0.1:8101            # the comparator
 * lease: 60s
 * models:
 *   fraud-detector:
 *     repository: ./models            # optional
 *     contract: ./contract.yaml       # optional
 *     champion: "1"
 *     fleets: {champion: ["127.0.0.1:8001"], challenger: ["127.0.0.1:8002"]}
 * }</pre>
 *
 * @param listen where commands, questions and routers arrive
 * @param state the directory of everything that is remembered
 * @param evidence the comparator; null for the default, which {@link #evidenceOrDefault} gives
 * @param lease how long routers trust a table without renewal; 1 s at least
 * @param staleAfter how long the comparator may be silent before a rollout pauses
 * @param loadTimeout how long a model server may take to get a version ready
 * @param models by name
 * @param passThrough where routers send calls for other models; null: they refuse them
 * @param tls of the listening port; null for none
 * @param token that callers present; null for none
 * @param routerToken that routers may present instead, which opens nothing but the routing tables;
 *     null for none
 * @param evidenceTls of the way to the comparator
 * @param evidenceToken presented to the comparator
 * @param serversTls of the way to the model servers
 * @param serversToken presented to the model servers
 */
public record ControllerConfig(
    HostPort listen,
    Path state,
    @Nullable HostPort evidence,
    Duration lease,
    Duration staleAfter,
    Duration loadTimeout,
    Map<String, ModelConfig> models,
    @Nullable PassThrough passThrough,
    @Nullable Tls tls,
    @Nullable String token,
    @Nullable String routerToken,
    @Nullable Tls evidenceTls,
    @Nullable String evidenceToken,
    @Nullable Tls serversTls,
    @Nullable String serversToken) {
  private static final HostPort DEFAULT_LISTEN = HostPort.loopback(8103);
  private static final HostPort DEFAULT_EVIDENCE = HostPort.loopback(8101);
  private static final String DNS = "dns:///";
  private static final int MAX_CONTRACT_CHARACTERS = 1 << 20;
  private static final Pattern VERSION = Pattern.compile("[1-9]\\d{0,17}");

  /** Copies the models. */
  public ControllerConfig {
    models = Map.copyOf(models);
  }

  /** The comparator's address. */
  public HostPort evidenceOrDefault() {
    return evidence == null ? DEFAULT_EVIDENCE : evidence;
  }

  /** The same with another comparator. */
  public ControllerConfig withEvidence(HostPort comparator) {
    return new ControllerConfig(
        listen,
        state,
        comparator,
        lease,
        staleAfter,
        loadTimeout,
        models,
        passThrough,
        tls,
        token,
        routerToken,
        evidenceTls,
        evidenceToken,
        serversTls,
        serversToken);
  }

  private enum Lineage {
    DROP,
    BLOCK,
    REFUSE
  }

  /**
   * Reads a file.
   *
   * @throws ConfigException with all problems at once
   */
  public static ControllerConfig read(Path file) {
    return ConfigFile.read(file, ControllerConfig::read);
  }

  /** Reads a section, which may be a part of a larger file. */
  public static ControllerConfig read(Section root) {
    HostPort listen = root.address("listen", DEFAULT_LISTEN);
    Duration lease = root.duration("lease", Duration.ofMinutes(1));
    if (lease.compareTo(Duration.ofSeconds(1)) < 0) {
      root.problem("lease", lease.toMillis() + " ms (expected: at least 1s)");
    }
    Duration staleAfter = root.duration("staleAfter", Duration.ofSeconds(15));
    if (staleAfter.compareTo(Duration.ofSeconds(5)) < 0) {
      root.problem(
          "staleAfter",
          staleAfter.toMillis() + " ms (expected: at least 5s; the comparator is asked every 3 s)");
    }
    Map<String, ModelConfig> models = new LinkedHashMap<>();
    root.namedSections("models").forEach((name, section) -> models.put(name, model(name, section)));
    if (models.isEmpty()) {
      root.problem("models", "are missing (expected: at least one)");
    }
    Tls tls = Tls.read(root.section("tls"));
    String token = Tokens.token(root, "tokenFile");
    String routerToken = Tokens.token(root, "routerTokenFile", token);
    ListenPolicy.check(root, "listen", listen, tls, token);
    Section evidence = root.section("evidenceSecurity");
    Section servers = root.section("serversSecurity");
    return new ControllerConfig(
        listen,
        root.path("state"),
        root.optionalAddress("evidence"),
        lease,
        staleAfter,
        root.duration("loadTimeout", Duration.ofMinutes(2)),
        models,
        passThrough(root),
        tls,
        token,
        routerToken,
        Tls.read(evidence.section("tls")),
        Tokens.token(evidence, "tokenFile"),
        Tls.read(servers.section("tls")),
        Tokens.token(servers, "tokenFile"));
  }

  private static @Nullable PassThrough passThrough(Section root) {
    if (!root.has("passThrough")) {
      return null;
    }
    Section section = root.section("passThrough");
    PassThrough.Builder pass = PassThrough.newBuilder().setProfile(section.string("profile", ""));
    for (String endpoint : section.strings("endpoints")) {
      try {
        var _ =
            HostPort.parse(endpoint.startsWith(DNS) ? endpoint.substring(DNS.length()) : endpoint);
        pass.addEndpoints(endpoint);
      } catch (IllegalArgumentException e) {
        section.problem("endpoints", String.valueOf(e.getMessage()));
      }
    }
    if (pass.getEndpointsCount() == 0) {
      section.problem("endpoints", "no server (expected: at least one host:port)");
    }
    return pass.build();
  }

  private static ModelConfig model(String name, Section section) {
    String champion = section.string("champion");
    if (!champion.isEmpty() && !VERSION.matcher(champion).matches()) {
      section.problem("champion", "'" + champion + "' (expected: a version number such as \"1\")");
    }
    Section fleets = section.section("fleets");
    List<HostPort> championFleet = fleet(fleets, "champion");
    if (championFleet.isEmpty()) {
      fleets.problem("champion", "no server (expected: at least one host:port)");
    }
    return new ModelConfig(
        name,
        section.optionalPath("repository"),
        contract(section),
        champion,
        championFleet,
        fleet(fleets, "challenger"),
        fleet(fleets, "control"),
        section.duration("tryTimeout", Duration.ZERO).toMillis(),
        switch (section.choice("lineage", Lineage.class, Lineage.DROP)) {
          case DROP -> LineageOverflow.LINEAGE_DROP;
          case BLOCK -> LineageOverflow.LINEAGE_BLOCK;
          case REFUSE -> LineageOverflow.LINEAGE_REFUSE;
        },
        (int) Math.round(section.ratio("payloads", 1) * 10_000));
  }

  private static List<HostPort> fleet(Section fleets, String key) {
    List<HostPort> servers = new ArrayList<>();
    for (String text : fleets.strings(key)) {
      try {
        servers.add(HostPort.parse(text));
      } catch (IllegalArgumentException e) {
        fleets.problem(key, String.valueOf(e.getMessage()));
      }
    }
    return servers;
  }

  private static DataContract contract(Section section) {
    Path file = section.optionalPath("contract");
    if (file == null) {
      return DataContract.getDefaultInstance();
    }
    try {
      String text = Files.readString(file);
      if (text.length() > MAX_CONTRACT_CHARACTERS) {
        section.problem("contract", file + ": longer than " + MAX_CONTRACT_CHARACTERS);
        return DataContract.getDefaultInstance();
      }
      Object tree =
          new Load(LoadSettings.builder().setLabel(file.toString()).build()).loadFromString(text);
      if (tree instanceof Map<?, ?> map) {
        return ContractFile.parse(file.toString(), map);
      }
      section.problem("contract", file + ": is not a mapping (expected: key: value)");
    } catch (ContractException | YamlEngineException e) {
      section.problem("contract", String.valueOf(e.getMessage()));
    } catch (IOException e) {
      section.problem("contract", file + ": cannot be read (expected: a YAML file)");
    }
    return DataContract.getDefaultInstance();
  }

  @Override
  public String toString() {
    // Without the tokens.
    return "ControllerConfig[listen="
        + listen
        + ", state="
        + state
        + ", models="
        + models.keySet()
        + "]";
  }
}
