/** Generates the tables that the small real models are trained on and tested with. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelkit.data;
