package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Message;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.testing.FakeBackend;
import dev.understudy.router.testing.FakeResolver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
  private static final String TOKEN = "0123456789abcdef-token";

  @TempDir Path folder;

  private Answer infer(FakeBackend backend, Profile profile) throws Exception {
    RoutingTable table =
        RoutingTable.newBuilder()
            .addModels(
                ModelRoute.newBuilder()
                    .setModel("m")
                    .addArms(
                        Arm.newBuilder()
                            .setName("champion")
                            .setRole(Role.CHAMPION)
                            .setVersion("1")
                            .setProfile("theirs")
                            .addEndpoints(backend.address())))
            .build();
    Map<String, Profile> profiles = Map.of("theirs", profile);
    ArmPlan arm =
        Tables.compile(table, false, profiles.keySet()).values().iterator().next().champion();
    CompletableFuture<Answer> end = new CompletableFuture<>();
    try (EventLoops loops = EventLoops.nio("test", 1);
        Upstream upstream =
            new Upstream(
                loops,
                profiles,
                null,
                UpstreamSettings.DEFAULT,
                new FakeResolver(),
                new Random(1),
                TimeSource.system())) {
      upstream.retain(List.of(arm));
      Upstream.Slot slot = upstream.slot(arm, true, null);
      assertNotNull(slot);
      var _ =
          upstream.send(
              slot,
              arm,
              Message.of(FakeBackend.request("m", 1, 2, 3).toByteArray()),
              new AttemptOptions("id", "", name -> null, 20_000_000_000L, false, false),
              () -> {},
              end::complete);
      return end.get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void aBackendProvesTheNameThatItsProfileCallsIt() throws Exception {
    Path certificate = folder.resolve("server.crt");
    Path key = folder.resolve("server.key");
    certify(certificate, key);
    try (FakeBackend backend = FakeBackend.scoring(0.5f, Tls.server(certificate, key))) {
      Tls trusting = Tls.client(certificate);
      Answer named = infer(backend, new Profile(trusting, "model.internal", TOKEN, 1 << 20));
      assertEquals(Outcome.OK, named.outcome());
      assertEquals(Set.of("model.internal"), backend.authorities());
      assertEquals(Set.of("Bearer " + TOKEN), backend.presented());
      for (Profile wrong :
          List.of(
              new Profile(trusting, "other.internal", null, 1 << 20),
              new Profile(trusting, null, null, 1 << 20),
              new Profile(null, "model.internal", null, 1 << 20))) {
        assertEquals(Outcome.BAD_UNAVAILABLE, infer(backend, wrong).outcome(), wrong::toString);
      }
      assertEquals(1, backend.calls());
      assertEquals(
          Outcome.BAD_RESOURCE_EXHAUSTED,
          infer(backend, new Profile(trusting, "model.internal", null, 10)).outcome(),
          "an answer that is too large");
    }
  }

  @Test
  void aTokenIsNeverShown() {
    assertFalse(new Profile(null, "a", TOKEN, 1).toString().contains(TOKEN));
  }

  private void certify(Path certificate, Path key) throws Exception {
    Path store = folder.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "a",
                "-keyalg",
                "EC",
                "-dname",
                "CN=model",
                "-ext",
                "san=dns:model.internal",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keystore",
                store.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, keytool.waitFor(), output);
    char[] password = "changeit".toCharArray();
    KeyStore keys = KeyStore.getInstance(store.toFile(), password);
    write(certificate, "CERTIFICATE", keys.getCertificate("a").getEncoded());
    write(key, "PRIVATE KEY", keys.getKey("a", password).getEncoded());
  }

  private static void write(Path file, String kind, byte[] der) throws Exception {
    String body = Base64.getMimeEncoder().encodeToString(der);
    Files.writeString(
        file, "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
  }
}
