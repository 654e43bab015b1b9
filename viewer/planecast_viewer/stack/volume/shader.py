"""The program that the graphics card runs for each pixel: the brightest along a ray, coloured.

The colours are those of `canvas.compositing`: contrast, gamma, one of 256 colours, channels added.
"""

MAX_STEPS = 4096
"""Along a ray."""

VERTEX = """#version 330 core
void main() {
    // One triangle that covers the screen.
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""

HEAD = """#version 330 core
out vec4 color;
uniform vec2 size;          // of the picture, in its pixels
uniform float units_per_px;
uniform vec2 pan;
uniform vec3 right, up, toward;
uniform vec3 extent;        // of the stack, in its units
uniform float step_units;
uniform sampler2D colors;   // a row of 256 for each layer
uniform sampler2D present;  // a row for each layer: which planes are here
"""

LAYER = """
uniform sampler3D volume{n};
uniform vec3 part{n};       // texture coordinate of the stack's far corner
uniform vec4 look{n};       // low, 1 / (high - low), gamma, 1 if all planes are here
uniform float planes{n};
"""

MAIN = """
const float NOTHING = -1e30;

vec3 colored(float value, vec4 look, int layer) {{
    if (value <= NOTHING) return vec3(0.0);
    float level = pow(clamp((value - look.x) * look.y, 0.0, 1.0), look.z);
    return texelFetch(colors, ivec2(min(int(level * 256.0), 255), layer), 0).rgb;
}}

void main() {{
    vec2 at = (gl_FragCoord.xy - size / 2.0) * units_per_px;
    // The first row of the picture is its top.
    vec3 origin = extent / 2.0 + right * (at.x + pan.x) + up * (pan.y - at.y);
    vec3 way = -toward + vec3(1e-7);
    vec3 one = -origin / way, other = (extent - origin) / way;
    vec3 near = min(one, other), far = max(one, other);
    float enter = max(max(near.x, near.y), near.z), leave = min(min(far.x, far.y), far.z);
    color = vec4(0.0, 0.0, 0.0, 1.0);
    if (leave <= enter) return;
    int n = clamp(int(ceil((leave - enter) / step_units)), 1, {max_steps});
    vec3 place = (origin + way * enter) / extent;
    vec3 stride = way * ((leave - enter) / float(n)) / extent;
    place += stride * 0.5;
    {begin}
    for (int i = 0; i < n; i++) {{
        {gather}
        place += stride;
    }}
    vec3 sum = vec3(0.0);
    {add}
    color.rgb = min(sum, 1.0);
}}
"""

GATHER = """
        {{
            vec3 q = place * part{n};
            if (q.x < 1.0 && q.y < 1.0 && (look{n}.w > 0.5
                || texelFetch(present, ivec2(int(q.z * planes{n}), {n}), 0).r > 0.5))
                brightest{n} = max(brightest{n}, texture(volume{n}, q).r);
        }}"""


def fragment(n_layers: int) -> str:
    """Return the program for so many layers."""
    layers = range(n_layers)
    main = MAIN.format(
        max_steps=MAX_STEPS,
        begin="".join(f"float brightest{n} = NOTHING; " for n in layers),
        gather="".join(GATHER.format(n=n) for n in layers),
        add="".join(f"sum += colored(brightest{n}, look{n}, {n}); " for n in layers),
    )
    return HEAD + "".join(LAYER.format(n=n) for n in layers) + main
