package dev.understudy.router.table;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EventTime;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.PrivacyPolicy;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.SliceRule;
import org.junit.jupiter.api.Test;

class ContractsTest {
  private static void compile(DataContract contract) {
    var plans =
        Tables.compile(
            RoutingTable.newBuilder()
                .addModels(
                    ModelRoute.newBuilder()
                        .setModel("m")
                        .setContract(contract)
                        .addArms(
                            Arm.newBuilder()
                                .setName("champion")
                                .setRole(Role.CHAMPION)
                                .setVersion("1")
                                .addEndpoints("h:1")))
                .build(),
            false);
    assertEquals(1, plans.size());
  }

  private static DataContract.Builder with(SliceRule.Builder... rules) {
    DataContract.Builder contract = DataContract.newBuilder().addFeatures(Feature.newBuilder());
    for (SliceRule.Builder rule : rules) {
      contract.addSlices(rule.setName("s"));
    }
    return contract;
  }

  private static String refusal(DataContract.Builder contract) {
    return String.valueOf(
        assertThrows(TableException.class, () -> compile(contract.build())).getMessage());
  }

  @Test
  void anEventTimeIsAParameterOrAFeature() {
    assertDoesNotThrow(() ->
        compile(
            DataContract.newBuilder()
                .setEventTime(EventTime.newBuilder().setParameter("ts").setUnitMs(1))
                .build()));
    assertEquals(
        "model 'm' has a contract whose event time is neither a parameter nor a feature, or both",
        refusal(
            DataContract.newBuilder()
                .setEventTime(EventTime.newBuilder().setColumn("ts").setUnitMs(1))));
  }

  @Test
  void slicesByColumnCallerAndRowsAreTaken() {
    assertDoesNotThrow(() ->
        compile(
            with(
                    SliceRule.newBuilder().addEdges(1).addEdges(2),
                    SliceRule.newBuilder().setCategory(true),
                    SliceRule.newBuilder().setPrincipal(true),
                    SliceRule.newBuilder().setBatchSize(true).addEdges(8))
                .build()));
  }

  @Test
  void aContractThatNoCallCouldBeLabelledByIsRefused() {
    String columns = "model 'm' has a contract whose columns do not fit its features";
    assertEquals(columns, refusal(with(SliceRule.newBuilder().setColumn(1).setCategory(true))));
    assertEquals(columns, refusal(with(SliceRule.newBuilder().setColumn(-1).setCategory(true))));
    assertEquals(
        columns, refusal(with().setPrivacy(PrivacyPolicy.newBuilder().addClearColumns(1))));
    String slice = "model 'm' has a contract whose slice 's'";
    assertEquals(
        slice + " has neither edges nor category, or both", refusal(with(SliceRule.newBuilder())));
    assertEquals(
        slice + " has neither edges nor category, or both",
        refusal(with(SliceRule.newBuilder().setBatchSize(true))));
    assertEquals(
        slice + " is by principal and by something else",
        refusal(with(SliceRule.newBuilder().setPrincipal(true).setBatchSize(true).addEdges(1))));
    assertEquals(
        slice + " has edges [2.0, 2.0] (expected: ascending)",
        refusal(with(SliceRule.newBuilder().addEdges(2).addEdges(2))));
    assertEquals(
        slice + " has edges [NaN] (expected: ascending)",
        refusal(with(SliceRule.newBuilder().addEdges(Double.NaN))));
    assertEquals(
        "model 'm' has a contract whose slice has a name of 0 characters (expected: 1 to 128)",
        refusal(DataContract.newBuilder().addSlices(SliceRule.newBuilder().setPrincipal(true))));
    SliceRule.Builder[] many = new SliceRule.Builder[33];
    for (int i = 0; i < many.length; i++) {
      many[i] = SliceRule.newBuilder().setPrincipal(true);
    }
    assertEquals(
        "model 'm' has a contract with 33 slices (expected: at most 32)", refusal(with(many)));
  }
}
