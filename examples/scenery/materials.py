"""Procedural materials."""

from __future__ import annotations

from typing import Any

Color = tuple[float, float, float]
Point = tuple[float, float, float]


def surface(
    name: str,
    dark: Color,
    light: Color,
    *,
    scale: float = 4.0,
    stretch: Point = (1.0, 1.0, 1.0),
    per_island: float = 0.0,
    rough: tuple[float, float] = (0.5, 0.7),
    bump: float = 0.0,
    bump_scale: float = 30.0,
    **inputs: Any,
) -> Any:
    """A Principled material between two colours of one substance.

    `per_island` says how much of the mix is one random value per loose part (a leaf, a stone, a tile); the rest
    follows fractal noise of that scale in object space. Further keywords are Principled inputs.
    """
    import bpy

    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    bsdf = nodes["Principled BSDF"]

    def math_node(operation: str, a: Any, b: float) -> Any:
        node = nodes.new("ShaderNodeMath")
        node.operation = operation
        links.new(a, node.inputs[0])
        node.inputs[1].default_value = b
        return node.outputs[0]

    mapping = nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = stretch
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], mapping.inputs["Vector"])

    def noise(at: float) -> Any:
        node = nodes.new("ShaderNodeTexNoise")
        node.inputs["Scale"].default_value = at
        node.inputs["Detail"].default_value = 8.0
        node.inputs["Roughness"].default_value = 0.62
        links.new(mapping.outputs["Vector"], node.inputs["Vector"])
        return node.outputs[0]

    total = nodes.new("ShaderNodeMath")
    total.operation = "ADD"
    island = nodes.new("ShaderNodeNewGeometry").outputs["Random Per Island"]
    links.new(math_node("MULTIPLY", island, per_island), total.inputs[0])
    links.new(math_node("MULTIPLY", noise(scale), 1.0 - per_island), total.inputs[1])

    ramp = nodes.new("ShaderNodeValToRGB")
    half = 0.5 - 0.22 * (1.0 - per_island)
    ramp.color_ramp.elements[0].position = max(0.0, half - 0.28 * per_island)
    ramp.color_ramp.elements[1].position = min(1.0, 1.0 - half + 0.28 * per_island)
    ramp.color_ramp.elements[0].color = (*dark, 1.0)
    ramp.color_ramp.elements[1].color = (*light, 1.0)
    links.new(total.outputs[0], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], bsdf.inputs["Base Color"])

    ranged = nodes.new("ShaderNodeMapRange")
    ranged.inputs["From Min"].default_value, ranged.inputs["From Max"].default_value = 0.35, 0.65
    ranged.inputs["To Min"].default_value, ranged.inputs["To Max"].default_value = rough
    links.new(noise(scale * 2.3), ranged.inputs["Value"])
    links.new(ranged.outputs["Result"], bsdf.inputs["Roughness"])

    if bump:
        node = nodes.new("ShaderNodeBump")
        node.inputs["Strength"].default_value = bump
        node.inputs["Distance"].default_value = 0.05
        links.new(noise(bump_scale), node.inputs["Height"])
        links.new(node.outputs["Normal"], bsdf.inputs["Normal"])
    for key, value in inputs.items():
        bsdf.inputs[key.replace("_", " ")].default_value = value
    return material


def paint(name: str, color: Color, **inputs: Any) -> Any:
    """One even colour; keywords are Principled inputs (`Metallic`, `Roughness`, `Coat_Weight`)."""
    inputs.setdefault("Roughness", 0.5)
    import bpy

    material = bpy.data.materials.new(name)
    material.use_nodes = True
    bsdf = material.node_tree.nodes["Principled BSDF"]
    bsdf.inputs["Base Color"].default_value = (*color, 1.0)
    for key, value in inputs.items():
        bsdf.inputs[key.replace("_", " ")].default_value = value
    return material


def glow(name: str, color: Color, strength: float, *, lights: bool = False) -> Any:
    """A surface of that radiance; `lights` says whether it is worth sampling as a lamp."""
    material = paint(name, color, Emission_Color=(*color, 1.0), Emission_Strength=strength)
    material.cycles.emission_sampling = "AUTO" if lights else "NONE"
    return material


def foliage(name: str, dark: Color, light: Color) -> Any:
    """Leaves: one tone per leaf, and light that passes through them."""
    material = surface(name, dark, light, per_island=0.8, scale=1.2, rough=(0.4, 0.6))
    nodes, links = material.node_tree.nodes, material.node_tree.links
    through, mix = nodes.new("ShaderNodeBsdfTranslucent"), nodes.new("ShaderNodeMixShader")
    ramp = next(node for node in nodes if node.bl_idname == "ShaderNodeValToRGB")
    links.new(ramp.outputs["Color"], through.inputs["Color"])
    mix.inputs["Fac"].default_value = 0.35
    links.new(nodes["Principled BSDF"].outputs[0], mix.inputs[1])
    links.new(through.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], nodes["Material Output"].inputs["Surface"])
    return material
