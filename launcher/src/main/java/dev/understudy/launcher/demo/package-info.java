/** The demonstration: three rollouts on live traffic, each ending as its evidence says. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.demo;
